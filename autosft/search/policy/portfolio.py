"""The first recipes: what an engineer would try before any sampler has a word.

Rung 0 first: the cheap strategies meet every backbone, the one with the highest prior first, but against a clock the
cheapest before all others. Where there are many rows
they begin with a share of them, and the better half of the backbones goes on to four times as many (successive halving
over rows: Jamieson and Talwalkar, 2016). Rung 0 ends when it has used half of the budget. Then each further strategy,
with its defaults, meets the best backbones so far. Defaults first, because a search without them is often worse than
no search.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from autosft.contracts.record import Record
from autosft.contracts.space import defaults
from autosft.contracts.task import Task
from autosft.host.registry import Registry
from autosft.search.memory.sampler import Params
from autosft.search.plan import Plan, space_of

FAVORITES = 3
"""How many of the best backbones meet every strategy; the first of them for which there is time comes first."""

CHEAP_SHARE = 0.5
"""The share of the budget after which rung 0 is over."""

FIRST_ROWS, GROWTH = 1000, 4
"""With how many rows rung 0 begins where there are many more, and how they grow."""


def portfolio(
    task: Task, registry: Registry, plan: Plan, records: Sequence[Record], *, rows: int, used: float
) -> Iterator[Params]:
    """The pairs that come before the sampler's, with default parameters; some may have been tried already.

    Args:
        task: What is solved.
        registry: The parts.
        plan: What may be tried.
        records: What was tried.
        rows: The number of training rows.
        used: The share of the budget that is used.
    """

    def params(backbone: str, strategy: str) -> Params:
        space = space_of(task, registry, backbone, strategy)
        return {"backbone": backbone, "strategy": strategy, **defaults(space)}

    if used < CHEAP_SHARE:
        names = [candidate.info.name for candidate in plan.candidates]
        if not records and used:
            names.insert(0, _cheapest(plan))
        for count in _shares(rows):
            for backbone in names:
                for strategy in plan.candidate(backbone).strategies:
                    if registry.strategy(strategy).cheap:
                        yield {**params(backbone, strategy), **({"rows": count} if count else {})}
            names = _better_half(names, [record for record in records if record.recipe.rows == count])
    favorites = _ranked(records)[:FAVORITES]
    for backbone in favorites or [plan.candidates[0].info.name]:
        for strategy in plan.candidate(backbone).strategies:
            yield params(backbone, strategy)


def _cheapest(plan: Plan) -> str:
    """The backbone with the fewest multiply-adds: against a clock, the first trial tells what the others will take."""
    known = [candidate.info for candidate in plan.candidates if candidate.info.gigaflops]
    return min(known, key=lambda info: info.gigaflops, default=plan.candidates[0].info).name


def _shares(rows: int) -> list[int]:
    """Growing numbers of rows; 0, which stands for all, comes last."""
    shares: list[int] = []
    count = FIRST_ROWS
    while count < rows / 2:
        shares.append(count)
        count *= GROWTH
    return [*shares, 0]


def _better_half(names: Sequence[str], records: Sequence[Record]) -> list[str]:
    ranked = [name for name in _ranked(records) if name in names]
    return ranked[: (len(ranked) + 1) // 2]


def _ranked(records: Sequence[Record]) -> list[str]:
    """Backbones by the best score that each has."""
    scored = sorted((record for record in records if record.score is not None), key=Record.order)
    return list(dict.fromkeys(record.recipe.backbone for record in scored))
