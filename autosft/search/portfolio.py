"""The first recipes: what an engineer would try before any sampler has a word.

Trial 0 is the cheapest strategy on the backbone with the highest prior. Then the cheap strategies meet every other
backbone, as long as they have used less than half of the budget; then each further strategy, with its defaults,
meets the best backbones so far. A default first, because a search without it is often worse than no search.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from autosft.contracts.record import Record
from autosft.contracts.space import defaults
from autosft.contracts.task import Task
from autosft.host.registry import Registry
from autosft.search.plan import Plan, space_of
from autosft.search.sampler import Params

FAVORITES = 3
"""How many of the best backbones meet every strategy; the first of them for which there is time comes first."""

CHEAP_SHARE = 0.5
"""The share of the budget after which no further backbone is met by the portfolio."""


def portfolio(task: Task, registry: Registry, plan: Plan, records: Sequence[Record], used: float) -> Iterator[Params]:
    """The pairs that come before the sampler's, with default parameters; some may have been tried already.

    Args:
        task: What is solved.
        registry: The parts.
        plan: What may be tried.
        records: What was tried.
        used: The share of the budget that is used.
    """

    def params(backbone: str, strategy: str) -> Params:
        space = space_of(task, registry, backbone, strategy)
        return {"backbone": backbone, "strategy": strategy, **defaults(space)}

    if used < CHEAP_SHARE:
        for candidate in plan.candidates:
            for strategy in candidate.strategies:
                if registry.strategy(strategy).cheap:
                    yield params(candidate.info.name, strategy)
    scored = sorted((record for record in records if record.score is not None), key=Record.order)
    favorites = list(dict.fromkeys(record.recipe.backbone for record in scored))[:FAVORITES]
    for backbone in favorites or [plan.candidates[0].info.name]:
        for strategy in plan.candidate(backbone).strategies:
            yield params(backbone, strategy)
