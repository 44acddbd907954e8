"""`Setup`: what an order is worked on with: one run's data and parts, which stay warm between orders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import torch  # noqa: TID253

from autosft.contracts.backbone import WeightFile
from autosft.contracts.executor import Order
from autosft.contracts.recipe import Recipe
from autosft.contracts.record import TOO_FEW_VALID
from autosft.contracts.rows import Rows
from autosft.contracts.trial import Loaders, Parts, Runtime, States, Trial
from autosft.data.cache import SampleCache
from autosft.data.splits import subset
from autosft.data.store import FeatureStore
from autosft.deploy.bundle import MODEL
from autosft.deploy.member import load_states
from autosft.host.registry import Registry
from autosft.runs.run import REFIT, Run
from autosft.training.acceleration import precision_for, why_not_compiled
from autosft.training.device import eval_batch_for
from autosft.workers.group import Group
from autosft.workers.teachers import teachers_of


@final
class Setup:
    """Makes trials of orders.

    Args:
        run: The run.
        registry: The parts.
        device: Where to train.
        group: With whom.

    Attributes:
        folds: Training and validation rows of the folds beside the validation split.
    """

    def __init__(self, run: Run, registry: Registry, device: torch.device, group: Group) -> None:
        self._run, self._registry, self._device, self._group = run, registry, device, group
        task = run.document.task
        self._modality = registry.modality(task.modality)
        self._problems = registry.problems_of(task)
        self._read = SampleCache(self._modality.read)
        self._features: dict[Any, Any] = {}
        self._store = FeatureStore.shared()
        self._states: dict[tuple[str, int, str, str], States] = {}
        self.folds = run.data.further_folds()

    def trial(self, order: Order) -> Trial:
        """What is to be trained, on which rows."""
        document, data = self._run.document, self._run.data
        candidate = document.plan.candidate(order.recipe.backbone)
        weights = candidate.weights
        if weights and not weights.path:
            source = next(source for source in self._registry.weights if source.name == weights.source)
            weights = source.fetch(weights)
        pretrains, replay = order.work == "pretrain", order.work == "refit"
        folder = self._run.start_folder(order.recipe) if pretrains else self._run.trial_folder(order.trial)
        count = order.rows if replay else order.recipe.rows
        train_rows = subset(data.train, count)
        if replay and not data.valid_is_predefined:
            train_rows += data.valid
        unlabeled = self._unlabeled(order.recipe)
        part = "refit" if replay else order.work if pretrains else "train"
        states = self.states(order.recipe, train_rows, weights, part, unlabeled if pretrains else None)
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
            folder / REFIT if replay else folder,
            train=train_rows,
            valid=Rows.of(()) if replay or pretrains else data.valid,
            unlabeled=unlabeled,
            start=self._run.start_folder(order.recipe.start) / MODEL if order.recipe.start else None,
            teacher=teachers_of(order.recipe, self._run, self._registry, self._device),
            pause_after=order.pause_after,
            replay=order.replay if replay else None,
            early_stopping=not (self.folds and len(data.valid) < TOO_FEW_VALID),
        )

    def learned_without_targets(self, recipe: Recipe) -> int:
        """From how many rows without targets a recipe learns, or the one that makes the encoder it starts from."""
        makers = [recipe, *([recipe.start] if recipe.start else [])]
        learning = [one for one in makers if "unlabeled" in self._registry.strategy(one.strategy).wants]
        return max((len(self._unlabeled(one)) for one in learning), default=0)

    def _unlabeled(self, recipe: Recipe) -> Rows:
        """The rows without targets that a recipe says, or that its strategy makes use of: a smaller number of them lies
        in a larger one."""
        most = recipe.unlabeled or self._registry.strategy(recipe.strategy).most_unlabeled
        return subset(self._run.data.unlabeled, most)

    def runtime(self, order: Order, seconds_left: Callable[[], float]) -> Runtime:
        """Where it is trained, and for how long."""
        spec, cheap = self._run.document.spec, self._registry.strategy(order.recipe.strategy).cheap
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
            scratch=self._run.folder,
            store=self._store,
            world=1 if alone else self._group.world,
            rank=self._group.rank,
        )

    def states(
        self, recipe: Recipe, rows: Rows, weights: WeightFile | None, part: str, unlabeled: Rows | None = None
    ) -> States:
        """What the modality learned for all trials, and what the other parts learn from training rows, once per
        backbone and part of the data; of an encoder that is pretrained, from rows without targets too. What the encoder
        knows that a trial starts from comes with it."""
        start = recipe.start.model_dump_json() if recipe.start else ""
        key = (recipe.backbone, len(rows), part, start)
        if key not in self._states:
            plan = self._run.document.plan
            info, start = plan.candidate(recipe.backbone).info, recipe.start
            family = self._registry.family(info.name)
            self._states[key] = States(
                modality=plan.state,
                backbone=load_states(self._run.start_folder(start))[1].backbone
                if start
                else family.fit(info, rows + unlabeled if unlabeled else rows, self._read, weights),
                problems=tuple(problem.fit(rows.with_target(n).target(n)) for n, problem in enumerate(self._problems)),
            )
        return self._states[key]
