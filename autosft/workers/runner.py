"""`TrialRunner`: where a worker does what orders say, and what their records say of it."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, final

import torch  # noqa: TID253

from autosft.contracts.backbone import BackboneInfo
from autosft.contracts.executor import Order
from autosft.contracts.outputs import SOUP, StoredOutputs
from autosft.contracts.recipe import Recipe
from autosft.contracts.record import Epoch, Shift
from autosft.contracts.rows import Rows
from autosft.contracts.strategy import Strategy
from autosft.contracts.trial import Runtime, States, Trial
from autosft.data.splits import is_timed
from autosft.deploy.member import load_member, load_weights, save_member
from autosft.host.registry import Registry
from autosft.runs.run import Run
from autosft.training.acceleration import why_not_compiled
from autosft.training.evaluation import Evaluation, evaluate, score_error
from autosft.training.features import encode_seconds_per_row
from autosft.training.folds import cross_validate, forget_checkpoints
from autosft.training.loop import Emit, train
from autosft.training.pseudo_labels import noted_pseudo_labels
from autosft.training.shift import sample_of, shift_of, words_of
from autosft.training.soup import greedy_soup
from autosft.training.trained import Paused, Trained
from autosft.workers.failures import failure_of, notes_of
from autosft.workers.group import Group
from autosft.workers.setup import Setup
from autosft.workers.test_split import score_on_test, shift_on_test

ROOM_FOR_A_FOLD = 1.3
"""Further folds are begun if each may take so many times the seconds of the first one."""


@final
class TrialRunner:
    """Works on the orders of one run.

    Args:
        run: The run.
        registry: The parts.
        device: Where to train.
        group: With whom.
    """

    def __init__(self, run: Run, registry: Registry, device: torch.device, group: Group) -> None:
        self.run, self._registry, self._device, self._group = run, registry, device, group
        self._setup = Setup(run, registry, device, group)
        self._backbone_notes: dict[str, str] = {}
        self._compared = set[str]()

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
            self._trained(order, self._setup.trial(order), self._setup.runtime(order, seconds_left), None)
        return {}

    def _trained(self, order: Order, trial: Trial, runtime: Runtime, emit: Emit | None) -> Trained:
        """The model of an order; trained by the whole group, where its encoder is trained."""
        strategy = self._registry.strategy(order.recipe.strategy)
        with self._group.together(order, trial.folder, self._device) if runtime.world > 1 else contextlib.nullcontext():
            return train(trial, runtime, strategy, emit, more=order.work != "save")

    def _train(self, order: Order, emit: Emit, seconds_left: Callable[[], float]) -> dict[str, Any]:
        trial, runtime = self._setup.trial(order), self._setup.runtime(order, seconds_left)
        parts, strategy = trial.parts, self._registry.strategy(order.recipe.strategy)
        try:
            trained = self._trained(order, trial, runtime, emit)
        except Paused as pause:
            return {
                "state": "paused",
                "score": pause.score,
                "loss": pause.loss,
                "epochs": pause.epochs,
                "seconds_per_row": self._seconds_per_row(trial, runtime, strategy, pause.epochs),
                "trained": pause.trained,
                "notes": (*self._backbone_note(trial, runtime), *notes_of(pause)),
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
        shift = self._shift(trial, runtime, strategy, trained)
        unlike = words_of(shift, parts.info.name)
        whole = trained.evaluation and len(judged) > len(trial.valid)
        return {
            "score": evaluation.score if evaluation else None,
            "score_error": score_error(parts, evaluation, judged) if trained.evaluation and evaluation else None,
            "split_score": trained.evaluation.score if whole and trained.evaluation else None,
            "rows": len(judged),
            "loss": evaluation.loss if evaluation else None,
            "epochs": trained.epochs,
            "best": trained.best,
            "seconds_per_row": {
                **self._seconds_per_row(trial, runtime, strategy, trained.epochs),
                "fit": trained.fitting / len(trial.train),
            },
            "parameters": sum(parameter.numel() for parameter in trained.model.parameters()),
            "trained": trained.trained,
            "unlabeled": self._setup.learned_without_targets(order.recipe),
            "pseudo_labels": noted_pseudo_labels(trial.folder),
            "shift": shift,
            "notes": (*self._backbone_note(trial, runtime), *trained.notes, *why, *unlike),
        }

    def _pretrain(self, order: Order, emit: Emit, seconds_left: Callable[[], float]) -> dict[str, Any]:
        """Train an encoder without targets, and leave it for trials to start from; the fields of a record."""
        trial, runtime = self._setup.trial(order), self._setup.runtime(order, seconds_left)
        trained = self._trained(order, trial, runtime, emit)
        save_member(trial.folder, trial.parts, trained.model, trial.parts.states)
        forget_checkpoints(trial)
        return {"epochs": trained.epochs, "trained": trained.trained, "notes": trained.notes}

    def _soup(self, order: Order) -> dict[str, Any]:
        """Average a trial's model with those of others, and leave it if any went in; the fields of its record."""
        folder = self.run.trial_folder(order.trial)
        made, model = load_member(folder, self.run.document.task, self._registry, self._device)
        parts = replace(self._setup.trial(order).parts, states=made.states)
        runtime = self._setup.runtime(order, lambda: float("inf"))
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
            trial, runtime = self._setup.trial(order), self._setup.runtime(order, seconds_left)
            found = shift_on_test(self.run, trial, runtime, done["rows"], spent) if knows else None
        except Exception as problem:  # the score stands nevertheless
            why = f"whether the test rows are like the training rows is unknown: {failure_of(problem)[1]}"
            return {**done, "notes": (*done["notes"], why)}
        shift = {"test": found} if found else {}
        notes = (*done["notes"], *words_of(shift, order.recipe.backbone))
        return {**done, "shift": shift, "notes": notes}

    def _shift(self, trial: Trial, runtime: Runtime, strategy: Strategy, trained: Trained) -> dict[str, Shift]:
        """Of validation rows that were not drawn at random, and of rows without targets that are learned from, with the
        first features that are worth it."""
        data, parts = self.run.data, trial.parts
        drawn = not (data.valid_is_predefined or any(data.train.group) or is_timed(data.train + data.valid))
        others = {} if drawn else {"valid": trial.valid}
        others |= {"unlabeled": trial.unlabeled} if "unlabeled" in strategy.wants else {}
        found: dict[str, Shift] = {}
        for name, rows in others.items():
            if name in self._compared or not (strategy.cheap and len(rows) and _knows_no_row(parts.info, parts.recipe)):
                continue
            self._compared.add(name)
            seed = self.run.document.spec.seed
            pair = sample_of(trial.train, seed), sample_of(rows, seed)
            if shift := shift_of(parts, runtime, trained.model.encoder, *pair):
                found[name] = shift
        return found

    def _recall(self, trial: Trial, runtime: Runtime, strategy: Strategy, trained: Trained) -> Evaluation:
        """How well a model trained on all rows recalls those that the trial was scored on: a check, not an estimate."""
        data = self.run.data
        crossed = self._setup.folds and (strategy.cheap or not trial.early_stopping)
        rows = data.train + data.valid if crossed else data.valid
        return evaluate(trial.parts, runtime, trained.model, rows, cached=strategy.cheap)

    def _to_cross_validate(
        self, trial: Trial, runtime: Runtime, strategy: Strategy, trained: Trained, order: Order
    ) -> bool:
        """Whether a trial whose first fold is done goes through the others: where validation rows are few, on all rows,
        a trial whose encoder stayed as it was; and where they are very few any that scores well, if there is time. Not
        one that is taught: its teacher has learned from the rows that the other folds validate on."""
        if not self._setup.folds or order.recipe.rows or trained.evaluation is None or "teacher" in strategy.wants:
            return False
        if strategy.cheap:
            return True
        if trial.early_stopping or (order.least_score is not None and trained.evaluation.score < order.least_score):
            return False
        seconds = sum(epoch.seconds for epoch in trained.epochs)
        return runtime.seconds_left() > ROOM_FOR_A_FOLD * seconds * len(self._setup.folds)

    def _cross_validated(
        self, trial: Trial, runtime: Runtime, strategy: Strategy, first: Evaluation
    ) -> tuple[Evaluation, Rows, tuple[str, ...]]:
        """The out-of-fold answers, the rows that they are for, and why there are none beside those of the first fold,
        if there are none."""

        def states_of(number: int, rows: Rows) -> States:
            return self._setup.states(trial.parts.recipe, rows, trial.parts.weights, f"fold {number}")

        try:
            alone = replace(runtime, world=1)
            return *cross_validate(trial, alone, strategy, first, self._setup.folds, states_of), ()
        except Exception as problem:  # the trial has its score nevertheless
            why = f"{strategy.name} on {trial.parts.info.name} was not cross-validated: {failure_of(problem)[1]}"
            return first, trial.valid, (why,)

    def _backbone_note(self, trial: Trial, runtime: Runtime) -> tuple[str, ...]:
        """What the user should know of how the backbone sees the rows, found out once, and of how it is trained."""
        parts, name = trial.parts, trial.parts.info.name
        if name not in self._backbone_notes:
            self._backbone_notes[name] = parts.family.note(parts.info, parts.states.backbone, trial.train, runtime.read)
        seen = (f"backbone {name}: {self._backbone_notes[name]}",) if self._backbone_notes[name] else ()
        refused = why_not_compiled(self._device) if self.run.document.spec.compile else ""
        return (*seen, f"not compiled, because torch cannot do it here: {refused}") if refused else seen

    def _seconds_per_row(
        self, trial: Trial, runtime: Runtime, strategy: Strategy, epochs: Sequence[Epoch]
    ) -> dict[str, float]:
        per_row: dict[str, float] = {}
        if encode := encode_seconds_per_row(trial.parts, runtime):
            per_row["encode"] = encode
        if epochs:
            rows = strategy.epoch_rows(len(trial.train), len(trial.unlabeled))
            per_row["train"] = statistics.median(epoch.seconds for epoch in epochs) / rows
        return per_row


def _knows_no_row(info: BackboneInfo, recipe: Recipe) -> bool:
    """Whether the encoder as it is loaded has learned nothing from the training rows, but something before."""
    return info.origin == "pretrained" and not recipe.start
