"""`Proposals`: which trial comes next. First the portfolio, then the sampler; only what is new and fits the time."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import final

from autosft.contracts.record import Record
from autosft.contracts.space import Choice, Int, Space
from autosft.contracts.task import Task
from autosft.host.registry import Registry
from autosft.search.memory.sampler import Params, Sampler
from autosft.search.plan import Plan, content_of, recipe_of, space_of
from autosft.search.policy.budget import Estimates
from autosft.search.policy.portfolio import portfolio

ATTEMPTS = 40
"""After so many proposals that are old or do not fit, nothing is left to try."""

MIN_EPOCHS = 4
"""A trial that has time for fewer epochs is made on fewer rows."""

FEWEST_ROWS = 1000
"""It is not made on fewer rows than these."""


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

    @property
    def choices(self) -> Mapping[str, Choice]:
        """The choices of backbone and strategy, which every trial has."""
        candidates = self.plan.candidates
        strategies = dict.fromkeys(name for candidate in candidates for name in candidate.strategies)
        return {
            "backbone": Choice(tuple(candidate.info.name for candidate in candidates)),
            "strategy": Choice(tuple(strategies)),
        }

    def space(self, backbone: str, strategy: str) -> Space:
        """The other parameters of this pair."""
        return space_of(self.task, self.registry, backbone, strategy)

    def space_with_choices(self, params: Params) -> Space:
        """Where all of these parameters come from."""
        rows: Space = {"rows": Int(1, 2**31, default=1)} if "rows" in params else {}
        return {**self.choices, **self.space(str(params["backbone"]), str(params["strategy"])), **rows}

    def next(
        self,
        records: Sequence[Record],
        estimates: Estimates,
        *,
        tried: Container[str],
        aside: Container[str],
        used: float,
        started: int,
        left: float,
    ) -> Params | None:
        """The parameters of the next trial, or None if nothing new fits.

        Args:
            records: The latest record of every trial that has one.
            estimates: What things will take.
            tried: The contents of the recipes that were started, by `content_of`.
            aside: Backbones and strategies that are not to be tried any more.
            started: How many trials were started.
            used: The share of the budget that is used.
            left: The seconds that a trial may take.
        """

        def useful(params: Params) -> Params | None:
            if str(params["backbone"]) in aside or str(params["strategy"]) in aside:
                return None
            fitted = self._fitted(params, estimates, left)
            recipe = recipe_of(fitted, 0) if fitted else None
            if recipe is None or content_of(recipe) in tried:
                return None
            return fitted

        rows = estimates.rows(0)
        for params in portfolio(self.task, self.registry, self.plan, records, rows=rows, used=used):
            if fitted := useful(params):
                return fitted
        for attempt in range(ATTEMPTS):
            if fitted := useful(self.sampler.propose(self.choices, self.space, started, attempt)):
                return fitted
        return None

    def _fitted(self, params: Params, estimates: Estimates, left: float) -> Params | None:
        """The parameters, with no more epochs and rows than there is time for; None if the trial cannot be made at all.

        A trial on fewer rows than all is better than none; on too few it says nothing.
        """
        if left <= 0:
            return None
        backbone, strategy = str(params["backbone"]), str(params["strategy"])
        if strategy not in self.plan.candidate(backbone).strategies:
            return None
        if self.registry.strategy(strategy).cheap:
            seconds = estimates.probe_seconds(backbone, int(params.get("rows", 0))) or 0.0
            return params if seconds < left else None
        if estimates.epochs_in(left, backbone) < MIN_EPOCHS:
            rows = estimates.rows_in(left, backbone, MIN_EPOCHS)
            if rows < FEWEST_ROWS:
                return None
            params = {**params, "rows": rows}
        epochs = estimates.epochs_in(left, backbone, int(params.get("rows", 0)))
        name = next((name for name in params if name.endswith("stop.max_epochs")), "")
        return {**params, name: int(min(int(params[name]), max(MIN_EPOCHS, epochs)))} if name else params
