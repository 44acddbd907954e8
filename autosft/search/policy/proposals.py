"""`Proposals`: which trial comes next. First the portfolio, then the sampler; only what is new and fits the time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import final

from autosft.contracts.recipe import Recipe, TeacherMember
from autosft.contracts.record import Record
from autosft.contracts.space import Int, Space, defaults
from autosft.contracts.task import Task
from autosft.host.registry import Registry
from autosft.runs.plan import Plan
from autosft.search.memory.sampler import Params, Sampler
from autosft.search.outcome.choice import Expected, choose
from autosft.search.policy.budget import Estimates
from autosft.search.policy.portfolio import portfolio
from autosft.search.policy.rung0 import unfamiliar
from autosft.search.space import (
    NO_START,
    START,
    choices_of,
    content_of,
    extent_of,
    has_teacher,
    recipe_of,
    space_of,
    whole_space_of,
)
from autosft.search.starts import START_FRACTION

ATTEMPTS = 40
"""After so many proposals that are old or do not fit, nothing is left to try."""

MIN_EPOCHS = 4
"""A trial that has time for fewer epochs is made on fewer rows."""

UNLABELED_FRACTION = 0.35
"""Encoding rows without targets takes no more of the budget for one trial, so that there is time without them."""

FEWEST_UNLABELED = 125
"""A trial that has no time for all rows without targets is made on a power of 2 times so many of them, so that trials
share those that are encoded."""

UNPROVEN_FRACTION = 0.5
"""Trials that learn from rows without targets take no more of the time of all, as long as none of them would be chosen
and there is anything else to try."""

FEWEST_ROWS = 1000
"""It is not made on fewer rows than these."""

MOST_LESSONS = 3
"""So many times a strategy is tried with its defaults by other teachers, while better ones are found."""


@final
@dataclass(frozen=True)
class Proposals:
    """What to try next.

    Attributes:
        task: What is solved.
        registry: The parts.
        plan: What may be tried.
        sampler: Proposes when the portfolio is through.
    """

    task: Task
    registry: Registry
    plan: Plan
    sampler: Sampler

    def space(self, params: Params) -> Space:
        """Where all of these parameters come from."""
        return whole_space_of(self.task, self.registry, self.plan, params)

    def next(
        self,
        records: Sequence[Record],
        estimates: Estimates,
        *,
        tried: Container[str],
        uncut: Mapping[str, Sequence[tuple[float, int]]],
        quarantined: Collection[str],
        teachers: Callable[[str, str], tuple[TeacherMember, ...]],
        used: float,
        started: int,
        left: float,
    ) -> Params | None:
        """The parameters of the next trial, or None if nothing new fits.

        Args:
            records: The latest record of every trial that has one.
            estimates: What things will take.
            tried: The contents of the recipes that were started, by `content_of`.
            uncut: The rows and epochs of each, by what it was before the clock cut it: no default is tried again
                because there is less time.
            quarantined: Backbones and strategies that are not to be tried any more.
            teachers: On which models a trial of a strategy and a backbone would build now; where there is none, no
                strategy is proposed that wants some.
            started: How many trials were started.
            used: The fraction of the budget that is used.
            left: The seconds that a trial may take.
        """

        hopeless, known = self._hopeless(records), {record.recipe.backbone for record in records}
        unproven = self._is_unproven(records)

        def useful(params: Params) -> Params | None:
            backbone, strategy = str(params["backbone"]), str(params["strategy"])
            if {backbone, strategy, params.get(START)} & set(quarantined):
                return None
            if backbone in hopeless and (backbone in known or not self.registry.strategy(strategy).cheap):
                return None
            teacher = teachers(strategy, backbone)
            fitted = self._fitted(params, estimates, left, teacher)
            if fitted is None or (has_teacher(self.registry, strategy) and not teacher):
                return None
            recipe = recipe_of(fitted, 0).changed(teacher=teacher)
            return None if content_of(recipe) in tried else fitted

        later: Params | None = None
        for fitted in self._proposed(useful, records, estimates, uncut=uncut, used=used, started=started):
            if not (unproven and self._learns(recipe_of(fitted, 0))):
                return fitted
            later = later or fitted
        return later

    def _proposed(
        self,
        useful: Callable[[Params], Params | None],
        records: Sequence[Record],
        estimates: Estimates,
        *,
        uncut: Mapping[str, Sequence[tuple[float, int]]],
        used: float,
        started: int,
    ) -> Iterator[Params]:
        """What the portfolio and then the sampler propose, as far as it is of use."""
        for params in portfolio(self.task, self.registry, self.plan, records, estimates, used=used):
            if (fitted := useful(params)) and not self._only_cut(fitted, uncut):
                yield fitted
        choices, space = choices_of(self.plan), partial(space_of, self.task, self.registry, self.plan)
        for attempt in range(ATTEMPTS):
            if fitted := useful(self.sampler.propose(choices, space, started, attempt)):
                yield fitted

    def _learns(self, recipe: Recipe) -> bool:
        """Whether a trial learns from rows without targets, or starts from an encoder that has."""
        makers = [recipe.strategy, *([recipe.start.strategy] if recipe.start else [])]
        return any("unlabeled" in self.registry.strategy(name).wants for name in makers)

    def _is_unproven(self, records: Sequence[Record]) -> bool:
        """Whether what learns from rows without targets has had its part of the time, and has not shown yet that it
        gains anything."""
        seconds = sum(record.seconds for record in records if self._learns(record.recipe))
        if seconds <= UNPROVEN_FRACTION * sum(record.seconds for record in records):
            return False
        best = choose(records, Expected.of(self.registry, self.plan))
        return best is None or not self._learns(best.recipe)

    def _hopeless(self, records: Sequence[Record]) -> set[str]:
        """Backbones to which the rows are unfamiliar, and that have come within one standard error of the best score
        on none."""
        scored = sorted((record for record in records if record.score is not None), key=Record.order)
        strange = set(unfamiliar(self.task, self.registry, self.plan))
        if not scored or scored[0].score is None:
            return strange
        least = scored[0].score - (scored[0].score_error or 0.0)
        return strange - {one.recipe.backbone for one in scored if one.score is not None and one.score >= least}

    def untried(self, records: Sequence[Record], estimates: Estimates) -> dict[str, float]:
        """Backbones that nothing was tried with, and about how many seconds the quickest trial with each takes.

        Args:
            records: The latest record of every trial that has one.
            estimates: What things will take.
        """
        tried = {record.recipe.backbone for record in records}
        pairs = {one.info.name: one.strategies for one in self.plan.candidates if one.info.name not in tried}
        return {name: min(self._seconds(name, each, estimates) for each in able) for name, able in pairs.items()}

    def _seconds(self, backbone: str, strategy: str, estimates: Estimates) -> float:
        """What a first trial takes, with the defaults and the fewest epochs and rows; 0 if nothing was measured yet."""
        space = space_of(self.task, self.registry, self.plan, backbone, strategy)
        recipe = recipe_of({"backbone": backbone, "strategy": strategy, **defaults(space)}, 0)
        if self.registry.strategy(strategy).cheap:
            return estimates.probe_seconds(recipe) or 0.0
        return MIN_EPOCHS / estimates.epochs_in(1.0, recipe.changed(rows=FEWEST_ROWS))

    def _fitted(
        self, params: Params, estimates: Estimates, left: float, teacher: tuple[TeacherMember, ...]
    ) -> Params | None:
        """The parameters, with no more epochs and rows than there is time for; None if the trial cannot be made at all.

        A trial on fewer rows than all is better than none; on too few it says nothing.
        """
        if left <= 0:
            return None
        backbone, strategy = str(params["backbone"]), str(params["strategy"])
        candidate, start = self.plan.candidate(backbone), params.get(START, NO_START)
        if strategy not in candidate.strategies or start not in (NO_START, *candidate.starts):
            return None
        if start != NO_START:  # making the encoder may take its part of the time
            left *= 1 - START_FRACTION
        if self.registry.strategy(strategy).cheap:
            return self._cheap_fitted(params, estimates, left, teacher)
        params = self._with_fewer_unlabeled(params, estimates, left)
        recipe = recipe_of(params, 0)
        if estimates.epochs_in(left / estimates.folds, recipe) >= MIN_EPOCHS:
            left /= estimates.folds  # a trial is cut so that it can be cross-validated, if it can
        if estimates.epochs_in(left, recipe) < MIN_EPOCHS:
            rows = estimates.rows_in(left, recipe, MIN_EPOCHS)
            if rows < FEWEST_ROWS:
                return None
            params, recipe = {**params, "rows": rows}, recipe.changed(rows=rows)
        epochs = estimates.epochs_in(left, recipe)
        name = next((name for name in params if name.endswith("stop.max_epochs")), "")
        longest = self.space(params)[name] if name else None
        if not isinstance(longest, Int):
            return params
        return {**params, name: int(min(int(params[name]), max(MIN_EPOCHS, longest.low, epochs)))}

    def _with_fewer_unlabeled(self, params: Params, estimates: Estimates, left: float) -> Params:
        """The parameters, with no more rows without targets than the epochs of a trial in all folds have time for."""

        def fits(one: Params) -> bool:
            return estimates.epochs_in(left / estimates.folds, recipe_of(one, 0)) >= MIN_EPOCHS

        recipe = recipe_of(params, 0)
        if fits(params) or estimates.epoch_rows(recipe) == estimates.rows(recipe):
            return params
        count = FEWEST_UNLABELED
        while fits({**params, "unlabeled": 2 * count}):
            count *= 2
        return {**params, "unlabeled": count}

    def _cheap_fitted(
        self, params: Params, estimates: Estimates, left: float, teacher: tuple[TeacherMember, ...]
    ) -> Params | None:
        """The parameters, with no more rows without targets than can be encoded in their part of the time; None where
        that is too few, or there is no time at all."""
        recipe = recipe_of(params, 0).changed(teacher=teacher)

        def fits(one: Recipe) -> bool:
            seconds = estimates.unlabeled_seconds(one)
            return seconds <= UNLABELED_FRACTION * estimates.budget and (estimates.probe_seconds(one) or 0.0) < left

        if fits(recipe):
            return params
        if not estimates.unlabeled_seconds(recipe) or not fits(recipe.changed(unlabeled=FEWEST_UNLABELED)):
            return None
        count = FEWEST_UNLABELED
        while fits(recipe.changed(unlabeled=2 * count)):
            count *= 2
        return {**params, "unlabeled": count}

    def _only_cut(self, params: Params, uncut: Mapping[str, Sequence[tuple[float, int]]]) -> bool:
        """Whether the same was started already on as many rows and for as many epochs, whoever taught it; but students
        learn again from other teachers a few times."""
        recipe = recipe_of(params, 0)
        if self.registry.strategy(recipe.strategy).cheap and not has_teacher(self.registry, recipe.strategy):
            return False
        rows, epochs = extent_of(recipe)
        earlier = uncut.get(content_of(recipe, cut=True), ())
        if "teacher" in self.registry.strategy(recipe.strategy).wants and len(earlier) < MOST_LESSONS:
            earlier = [one for one in earlier if one != (rows, epochs)]
        return any(rows <= on and epochs <= for_ for on, for_ in earlier)
