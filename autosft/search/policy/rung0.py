"""Rung 0: a cheap strategy meets every backbone, so that what is dear is tried with the best of them alone.

Of several cheap strategies it is the one with the highest prior. The backbone with the highest prior comes first;
against a clock the quickest before all others, with the least cost per row, such as the smallest images: so there is
a result soon, and it tells what the others will take. As long as it does not, because its rows take hardly any time,
the next quickest one follows. Where there are many rows rung 0 begins with a fraction of them, and where even those
would take too long, with less cost per row. After each step the better half of the backbones goes on
(successive halving: Jamieson and Talwalkar, 2016), at last on all rows with full cost. What is fitted to the rows
does not take part: some of them say little of what it makes of all, and it is quick, so it goes on to all rows at once.
Encoders to which the rows are unfamiliar, such as texts in another language, come last, on a few rows; nothing else is
tried with them unless they do well there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import final

from autosft.contracts.record import Record
from autosft.contracts.space import Choice, defaults
from autosft.contracts.task import Task
from autosft.host.registry import Registry
from autosft.runs.plan import Candidate, Plan
from autosft.search.memory.sampler import Params
from autosft.search.policy.budget import MARGIN, Estimates
from autosft.search.space import has_teacher, recipe_of, space_of

FRACTION = 0.5
"""The fraction of the budget after which rung 0 is over."""

FIRST_ROWS, GROWTH = 300, 4
"""With how many rows rung 0 begins where there are many more, and how they grow."""

ALL_AT_ONCE_FRACTION = 0.1
"""Rung 0 begins with all rows where one pass with every backbone over them takes no more than this fraction of the
budget."""

SCREENED_ROWS = 200
"""On so many rows an encoder is tried to which they are unfamiliar."""

FITTED_FRACTION = 0.2
"""What is fitted to the rows goes on to more of them unless that would take more than this fraction of the budget."""


@final
@dataclass(frozen=True)
class Rung0:
    """What rung 0 tries.

    Attributes:
        task: What is solved.
        registry: The parts.
        plan: What may be tried.
        estimates: What things will take.
    """

    task: Task
    registry: Registry
    plan: Plan
    estimates: Estimates

    def recipes(self, records: Sequence[Record], *, used: float) -> Iterator[Params]:
        """What is worth trying after what was tried; some of it may have been.

        Args:
            records: What was tried.
            used: The fraction of the budget that is used.
        """
        if used >= FRACTION:
            return
        fitted = [one.info.name for one in self.plan.candidates if one.info.origin == "fitted"]
        strange = unfamiliar(self.task, self.registry, self.plan)
        others = [one.info.name for one in self.plan.candidates if one.info.origin != "fitted"]
        names = [name for name in others if name not in strange] or others
        row_counts = self._row_counts(names)
        if used:
            for name in fitted[:1]:
                yield from self._of(name, row_counts[0], 0.0)
            if not self.estimates.telling:
                met, order = {record.recipe.backbone for record in records}, self._by_work(names)
                new = [name for name in order if name not in met]
                for name in [*(name for name in order if name in met), *new[:1]]:
                    yield from self._of(name, row_counts[0], 0.0)
        for name in fitted:
            yield from self._growing(name, row_counts, [record for record in records if record.recipe.backbone == name])
        cheap = {strategy for name in names for strategy in self._cheap(name)}
        records = [record for record in records if record.recipe.strategy in cheap]
        level = self._affordable(names, row_counts[0])
        for rows, cost in [*((rows, level) for rows in row_counts), (0, 1.0)]:
            tried: list[Record] = []
            for name in names:
                for params in self._of(name, rows, cost):
                    yield params
                    recipe = recipe_of(params, 0)
                    tried += [record for record in records if _like(record, name, rows, recipe.own)]
            names = self._better_half(names, tried)
        for name in strange:
            yield from self._of(name, SCREENED_ROWS if self.estimates.all_rows > 2 * SCREENED_ROWS else 0, level)

    def _row_counts(self, names: Sequence[str]) -> list[int]:
        """Growing numbers of rows; 0, which stands for all, comes last, and is the only one where a pass over all rows
        with all of these backbones is quick."""
        rows, budget = self.estimates.all_rows, self.estimates.budget
        if budget < float("inf") and self._pass(names, 0, 1.0) <= ALL_AT_ONCE_FRACTION * budget:
            return [0]
        row_counts: list[int] = []
        count = FIRST_ROWS
        while count < rows / 2:
            row_counts.append(count)
            count *= GROWTH
        return [*row_counts, 0]

    def _pass(self, names: Sequence[str], rows: int, level: float) -> float:
        """The seconds in which all of these backbones encode so many rows; infinite as long as nobody knows."""
        recipes = [recipe_of(params, 0) for name in names for params in self._of(name, rows, level)]
        known = [(self.estimates.encode_seconds(recipe), self.estimates.rows(recipe)) for recipe in recipes]
        return MARGIN * sum(float("inf") if per_row is None else per_row * count for per_row, count in known)

    def _growing(self, backbone: str, row_counts: Sequence[int], records: Sequence[Record]) -> Iterator[Params]:
        """The cheap strategy with a backbone that is fitted to the rows, on ever more of them while that is quick."""
        for rows in row_counts:
            like = [record.model_copy(update={"recipe": record.recipe.changed(rows=rows)}) for record in records]
            if max(map(self.estimates.refit_seconds, like), default=0.0) > FITTED_FRACTION * self.estimates.budget:
                return
            yield from self._of(backbone, rows, 1.0)

    def _of(self, backbone: str, rows: int, cost: float) -> Iterator[Params]:
        """The cheap strategy with a backbone, on so many rows, with at most such a cost where that is possible."""
        for strategy in self._cheap(backbone):
            variants = self._variants(backbone, strategy)
            level = max((fraction for fraction in variants if fraction <= cost), default=min(variants))
            yield {**variants[level], **({"rows": rows} if rows else {})}

    def _cheap(self, backbone: str) -> list[str]:
        """The cheap strategy with the highest prior that can train a backbone, if there is one; what needs no rows
        without targets goes first, so that there is something to compare the others with."""
        names = promising(self.registry, self.plan.candidate(backbone))
        cheap = [name for name in names if self.registry.strategy(name).cheap]
        return sorted(cheap, key=lambda name: "unlabeled" in self.registry.strategy(name).wants)[:1]

    def _by_work(self, names: Collection[str]) -> list[str]:
        """Backbones that a cheap strategy takes, from the fewest multiply-adds on; those that state none come last."""
        able = [name for name in names if self._cheap(name)]
        work = {name: self.plan.candidate(name).info.gigaflops or float("inf") for name in able}
        return sorted(able, key=work.__getitem__)

    def _variants(self, backbone: str, strategy: str) -> dict[float, Params]:
        """The defaults, and what one other choice of the modality's makes of them, by cost per row."""
        space = space_of(self.task, self.registry, self.plan, backbone, strategy)
        params: Params = {"backbone": backbone, "strategy": strategy, **defaults(space)}
        variants = {1.0: params}
        for name, parameter in space.items():
            if name.startswith(f"{self.task.modality}.") and isinstance(parameter, Choice):
                for option in parameter.options:
                    changed = {**params, name: option}
                    variants.setdefault(self.estimates.relative_cost(recipe_of(changed, 0)), changed)
        return variants

    def _affordable(self, names: Sequence[str], rows: int) -> float:
        """The highest cost per row at which the first step with all backbones stays within rung 0's fraction."""
        pairs = [(name, strategy) for name in names for strategy in self._cheap(name)]
        levels = {level for pair in pairs for level in self._variants(*pair)}
        if self.estimates.budget < float("inf") and not self.estimates.measured:
            return min(levels, default=1.0)
        for level in sorted(levels, reverse=True):
            if self._pass(names, rows, level) <= FRACTION * self.estimates.budget:
                return level
        return min(levels, default=1.0)

    def _better_half(self, names: Sequence[str], records: Sequence[Record]) -> list[str]:
        ranked = [name for name in ranked_backbones(records, self.plan) if name in names]
        return ranked[: (len(ranked) + 1) // 2]


def unfamiliar(task: Task, registry: Registry, plan: Plan) -> dict[str, str]:
    """The backbones to which the rows are unfamiliar, each with the reason."""
    modality = registry.modality(task.modality)
    reasons = {one.info.name: modality.unfamiliar(one.info, plan.state) for one in plan.candidates}
    return {name: reason for name, reason in reasons.items() if reason}


def _like(record: Record, backbone: str, rows: int, own: object) -> bool:
    """Whether a trial was one with this backbone on so many rows, with the same parameters of the parts."""
    recipe = record.recipe
    return recipe.backbone == backbone and recipe.rows == rows and recipe.own == own


def promising(registry: Registry, candidate: Candidate) -> list[str]:
    """The strategies that can train a backbone without a teacher, by their priors."""
    names = [name for name in candidate.strategies if not has_teacher(registry, name)]
    return sorted(names, key=lambda name: -registry.strategy(name).prior)


def ranked_backbones(records: Sequence[Record], plan: Plan) -> list[str]:
    """Backbones by the best score that each has. Of those within one standard error of the highest that is left (the
    one-standard-error rule: Breiman et al., 1984) the one with the highest prior comes first: so small a difference
    says less than what is known of them."""
    best: dict[str, Record] = {}
    for record in sorted((record for record in records if record.score is not None), key=Record.order):
        best.setdefault(record.recipe.backbone, record)
    ranked: list[str] = []
    while left := [name for name in best if name not in ranked]:
        highest = best[left[0]]
        least = (highest.score or 0.0) - (highest.score_error or 0.0)
        near = [name for name in left if not (best[name].score or 0.0) < least]  # all, where the error is not a number
        ranked.extend(sorted(near, key=lambda name: -plan.candidate(name).info.prior))
    return ranked
