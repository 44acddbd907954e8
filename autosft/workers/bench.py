"""`Bench`: where a worker trains. One run's data and parts, which stay warm between orders."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, final

import torch  # noqa: TID253

from autosft.contracts.backbone import BackboneInfo, WeightFile
from autosft.contracts.executor import Order
from autosft.contracts.outputs import SOUP, StoredOutputs
from autosft.contracts.recipe import Recipe
from autosft.contracts.record import TOO_FEW_VALID, Epoch, Shift
from autosft.contracts.rows import Rows
from autosft.contracts.strategy import Strategy
from autosft.contracts.trial import Loaders, Parts, Runtime, States, Trial
from autosft.data.cache import SampleCache
from autosft.data.splits import is_timed, subset
from autosft.data.store import FeatureStore
from autosft.deploy.bundle import MODEL
from autosft.deploy.member import load_member, load_states, load_weights, save_member
from autosft.host.registry import Registry
from autosft.runs.run import Run
from autosft.training.acceleration import precision_for, why_not_compiled
from autosft.training.device import eval_batch_for
from autosft.training.evaluation import Evaluation, evaluate, score_error
from autosft.training.features import encode_pace
from autosft.training.folds import cross_validate, forget_checkpoints
from autosft.training.loop import Emit, Paused, Trained, train
from autosft.training.shift import sample_of, shift_of, words_of
from autosft.training.soup import greedy_soup
from autosft.workers.group import Group
from autosft.workers.taught import taught_by
from autosft.workers.tested import score_on_test, shift_on_test
from autosft.workers.verdict import notes_of

ROOM_FOR_A_FOLD = 1.3
"""Further folds are begun if each may take so many times the seconds of the first one."""


@final
class Bench:
    """One run's data and parts.

    Args:
        run: The run.
        registry: The parts.
        device: Where to train.
        group: With whom.
    """

    def __init__(self, run: Run, registry: Registry, device: torch.device, group: Group) -> None:
        self.run, self._registry, self._device, self._group = run, registry, device, group
        task = run.document.task
        self._modality = registry.modality(task.modality)
        self._problems = tuple(registry.problem(name) for name in task.problems)
        self._read = SampleCache(self._modality.read)
        self._features: dict[Any, Any] = {}
        self._store = FeatureStore.shared()
        self._folds = run.data.further_folds()
        self._states: dict[tuple[str, int, str, str], States] = {}
        self._notices: dict[str, str] = {}
        self._compared = False

    def work(self, order: Order, emit: Emit, seconds_left: Callable[[], float]) -> dict[str, Any]:
        """Do what an order says; the fields of its record."""
        if self._group.rank:
            return self._follow(order, seconds_left)
        if order.work == "test":
            return self._test(order, seconds_left)
        if order.work == "soup":
            return self._soup(order)
        return (self._pretrain if order.work == "pretrain" else self._train)(order, emit, seconds_left)

    def _follow(self, order: Order, seconds_left: Callable[[], float]) -> dict[str, Any]:
        """Train with the first process of the group, which keeps what comes of it."""
        with contextlib.suppress(Paused):
            self._trained(order, self._trial(order), self._runtime(order, seconds_left), None)
        return {}

    def _trained(self, order: Order, trial: Trial, runtime: Runtime, emit: Emit | None) -> Trained:
        """The model of an order; trained by the whole group, where its encoder is trained."""
        strategy = self._registry.strategy(order.recipe.strategy)
        with self._group.together(order, self._device) if runtime.world > 1 else contextlib.nullcontext():
            return train(trial, runtime, strategy, emit, more=order.work != "keep")

    def _train(self, order: Order, emit: Emit, seconds_left: Callable[[], float]) -> dict[str, Any]:
        trial, runtime = self._trial(order), self._runtime(order, seconds_left)
        parts, strategy = trial.parts, self._registry.strategy(order.recipe.strategy)
        try:
            trained = self._trained(order, trial, runtime, emit)
        except Paused as pause:
            return {
                "state": "paused",
                "score": pause.score,
                "loss": pause.loss,
                "epochs": pause.epochs,
                "pace": self._pace(trial, runtime, pause.epochs),
                "trained": pause.trained,
                "notes": (*self._notice(trial), *notes_of(pause)),
            }
        evaluation, judged, why = trained.evaluation, trial.valid, ()
        if order.work == "train" and evaluation and self._to_cross_validate(trial, runtime, strategy, trained, order):
            evaluation, judged, why = self._cross_validated(trial, runtime, strategy, evaluation)
        states = parts.states
        if evaluation:
            states = States(states.modality, states.backbone, evaluation.states)
        save_member(trial.folder, parts, trained.model, states)
        if evaluation:
            StoredOutputs(judged, evaluation.outputs, evaluation.states).write(trial.folder)
        forget_checkpoints(trial)
        if order.work == "refit":
            evaluation = self._recall(trial, runtime, strategy, trained)
        shift = self._valid_shift(trial, runtime, strategy, trained)
        whole = trained.evaluation and len(judged) > len(trial.valid)
        return {
            "score": evaluation.score if evaluation else None,
            "score_error": score_error(parts, evaluation, judged) if trained.evaluation and evaluation else None,
            "split_score": trained.evaluation.score if whole and trained.evaluation else None,
            "rows": len(judged),
            "loss": evaluation.loss if evaluation else None,
            "epochs": trained.epochs,
            "best": trained.best,
            "pace": {**self._pace(trial, runtime, trained.epochs), "fit": trained.fitting / len(trial.train)},
            "parameters": sum(parameter.numel() for parameter in trained.model.parameters()),
            "trained": trained.trained,
            "shift": shift,
            "notes": (*self._notice(trial), *trained.notes, *why, *words_of(shift, "validation", parts.info.name)),
        }

    def _pretrain(self, order: Order, emit: Emit, seconds_left: Callable[[], float]) -> dict[str, Any]:
        """Train an encoder without targets, and leave it for trials to start from; the fields of a record."""
        trial, runtime = self._trial(order), self._runtime(order, seconds_left)
        trained = self._trained(order, trial, runtime, emit)
        save_member(trial.folder, trial.parts, trained.model, trial.parts.states)
        forget_checkpoints(trial)
        return {"epochs": trained.epochs, "trained": trained.trained, "notes": trained.notes}

    def _soup(self, order: Order) -> dict[str, Any]:
        """Average a trial's model with those of others, and leave it if any went in; the fields of its record."""
        folder = self.run.trial_folder(order.trial)
        made, model = load_member(folder, self.run.document.task, self._registry, self._device)
        parts = replace(self._trial(order).parts, states=made.states)
        runtime = self._runtime(order, lambda: float("inf"))
        others = [partial(load_weights, self.run.trial_folder(number)) for number in order.others]
        soup = greedy_soup(parts, runtime, model, others, self.run.data.valid)
        if soup.taken:
            states = States(parts.states.modality, parts.states.backbone, soup.evaluation.states)
            save_member(folder / SOUP, parts, model, states)
            StoredOutputs(self.run.data.valid, soup.evaluation.outputs, soup.evaluation.states).write(folder / SOUP)
        return {
            "score": soup.evaluation.score,
            "rows": len(self.run.data.valid),
            "score_error": score_error(parts, soup.evaluation, self.run.data.valid),
            "loss": soup.evaluation.loss,
            "ingredients": (order.trial, *(order.others[position] for position in soup.taken)),
        }

    def _test(self, order: Order, seconds_left: Callable[[], float]) -> dict[str, Any]:
        """Score the bundle on test rows, and see how unlike the training rows they are; the fields of its record."""
        started = time.monotonic()
        done = score_on_test(self.run, self._registry, self._device, order.rows, seconds_left)
        spent = time.monotonic() - started
        try:
            info = self.run.document.plan.candidate(order.recipe.backbone).info
            knows = _knows_no_row(info, order.recipe)
            trial, runtime = self._trial(order), self._runtime(order, seconds_left)
            shift = shift_on_test(self.run, trial, runtime, done["rows"], spent) if knows else None
        except Exception as problem:  # the score stands nevertheless
            why = f"whether the test rows are like the training rows is unknown: {problem}"
            return {**done, "notes": (*done["notes"], why)}
        notes = (*done["notes"], *words_of(shift, "test", order.recipe.backbone))
        return {**done, "shift": shift, "notes": notes}

    def _valid_shift(self, trial: Trial, runtime: Runtime, strategy: Strategy, trained: Trained) -> Shift | None:
        """Of validation rows that were not drawn at random; with the first features that are worth it."""
        data, parts = self.run.data, trial.parts
        drawn = not (data.given or any(data.train.group) or is_timed(data.train + data.valid))
        if (
            drawn
            or self._compared
            or not strategy.cheap
            or not len(trial.valid)
            or not _knows_no_row(parts.info, parts.recipe)
        ):
            return None
        self._compared = True
        seed = self.run.document.spec.seed
        train_rows, valid_rows = sample_of(trial.train, seed), sample_of(trial.valid, seed)
        return shift_of(parts, runtime, trained.model.encoder, train_rows, valid_rows)

    def _recall(self, trial: Trial, runtime: Runtime, strategy: Strategy, trained: Trained) -> Evaluation:
        """How well a model trained on all rows recalls those that the trial was scored on: a check, not an estimate."""
        data = self.run.data
        crossed = self._folds and (strategy.cheap or not trial.early_stopping)
        rows = data.train + data.valid if crossed else data.valid
        return evaluate(trial.parts, runtime, trained.model, rows, cached=strategy.cheap)

    def _trial(self, order: Order) -> Trial:
        document, data = self.run.document, self.run.data
        candidate = document.plan.candidate(order.recipe.backbone)
        weights = candidate.weights
        if weights and not weights.path:
            source = next(source for source in self._registry.weights if source.name == weights.source)
            weights = source.fetch(weights)
        pretrains, replay = order.work == "pretrain", order.work == "refit"
        folder = self.run.start_folder(order.recipe) if pretrains else self.run.trial_folder(order.trial)
        count = order.rows if replay else order.recipe.rows
        train_rows = subset(data.train, count)
        if replay and not data.given:
            train_rows += data.valid
        states = self._fit(order.recipe, train_rows, weights, "refit" if replay else "train")
        if replay:  # thresholds and the like were tuned on validation rows, which are training rows now
            states = States(states.modality, states.backbone, load_states(folder)[1].problems)
        parts = Parts(
            task=document.task,
            recipe=order.recipe,
            modality=self._modality,
            family=self._registry.family(candidate.info.name),
            info=candidate.info,
            problems=self._problems,
            weights=weights,
            states=states,
        )
        return Trial(
            parts,
            folder / "refit" if replay else folder,
            train=train_rows,
            valid=Rows.of(()) if replay or pretrains else data.valid,
            unlabeled=data.unlabeled,
            start=self.run.start_folder(order.recipe.start) / MODEL if order.recipe.start else None,
            teacher=taught_by(order.recipe, self.run, self._registry, self._device),
            pause_after=order.pause_after,
            replay=order.replay if replay else None,
            early_stopping=not (self._folds and len(data.valid) < TOO_FEW_VALID),
        )

    def _runtime(self, order: Order, seconds_left: Callable[[], float]) -> Runtime:
        spec, cheap = self.run.document.spec, self._registry.strategy(order.recipe.strategy).cheap
        alone = cheap or order.work not in ("train", "pretrain", "refit")
        return Runtime(
            read=self._read,
            device=self._device,
            seconds_left=seconds_left,
            loaders=Loaders(torch.get_num_threads(), "auto"),
            micro_batch=order.micro_batch,
            eval_batch=eval_batch_for(self._device, order.micro_batch),
            precision=precision_for(spec.precision, self._device),
            compile=spec.compile and not why_not_compiled(self._device),
            features=self._features,
            store=self._store,
            world=1 if alone else self._group.world,
            rank=self._group.rank,
        )

    def _fit(self, recipe: Recipe, rows: Rows, weights: WeightFile | None, part: str) -> States:
        """What the modality learned for all trials, and what the other parts learn from training rows, once per
        backbone and part of the data. What the encoder knows that a trial starts from comes with it."""
        start = recipe.start.model_dump_json() if recipe.start else ""
        key = (recipe.backbone, len(rows), part, start)
        if key not in self._states:
            plan = self.run.document.plan
            info, start = plan.candidate(recipe.backbone).info, recipe.start
            family = self._registry.family(info.name)
            self._states[key] = States(
                modality=plan.state,
                backbone=load_states(self.run.start_folder(start))[1].backbone
                if start
                else family.fit(info, rows, self._read, weights),
                problems=tuple(problem.fit(rows.with_target(n).target(n)) for n, problem in enumerate(self._problems)),
            )
        return self._states[key]

    def _to_cross_validate(
        self, trial: Trial, runtime: Runtime, strategy: Strategy, trained: Trained, order: Order
    ) -> bool:
        """Whether a trial whose first fold is done goes through the others: where validation rows are few, on all rows,
        a trial whose encoder stayed as it was; and where they are very few any that scores well, if there is time. Not
        one that is taught: its teacher has learned from the rows that the other folds validate on."""
        if not self._folds or order.recipe.rows or trained.evaluation is None or trial.teacher:
            return False
        if strategy.cheap:
            return True
        if trial.early_stopping or (order.least_score is not None and trained.evaluation.score < order.least_score):
            return False
        seconds = sum(epoch.seconds for epoch in trained.epochs)
        return runtime.seconds_left() > ROOM_FOR_A_FOLD * seconds * len(self._folds)

    def _cross_validated(
        self, trial: Trial, runtime: Runtime, strategy: Strategy, first: Evaluation
    ) -> tuple[Evaluation, Rows, tuple[str, ...]]:
        """The out-of-fold answers, the rows that they are for, and why there are none beside those of the first fold,
        if there are none."""

        def states_of(number: int, rows: Rows) -> States:
            return self._fit(trial.parts.recipe, rows, trial.parts.weights, f"fold {number}")

        try:
            alone = replace(runtime, world=1)
            return *cross_validate(trial, alone, strategy, first, self._folds, states_of), ()
        except Exception as problem:  # the trial has its score nevertheless
            why = f"{strategy.name} on {trial.parts.info.name} was not cross-validated: {problem}"
            return first, trial.valid, (why,)

    def _notice(self, trial: Trial) -> tuple[str, ...]:
        """What the user should know of how the backbone sees the rows, found out once, and of how it is trained."""
        parts, name = trial.parts, trial.parts.info.name
        if name not in self._notices:
            self._notices[name] = parts.family.notice(parts.info, parts.states.backbone, trial.train, self._read)
        seen = (f"backbone {name}: {self._notices[name]}",) if self._notices[name] else ()
        refused = why_not_compiled(self._device) if self.run.document.spec.compile else ""
        return (*seen, f"not compiled, because torch cannot do it here: {refused}") if refused else seen

    def _pace(self, trial: Trial, runtime: Runtime, epochs: Sequence[Epoch]) -> dict[str, float]:
        pace: dict[str, float] = {}
        if encode := encode_pace(trial.parts, runtime):
            pace["encode"] = encode
        if epochs:
            pace["train"] = statistics.median(epoch.seconds for epoch in epochs) / len(trial.train)
        return pace


def _knows_no_row(info: BackboneInfo, recipe: Recipe) -> bool:
    """Whether the encoder as it is loaded has learned nothing from the training rows, but something before."""
    return info.origin == "pretrained" and not recipe.start
