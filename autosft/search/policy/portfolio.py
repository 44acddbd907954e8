"""The first recipes: what an engineer would try before any sampler has a word.

First rung 0. Then each further strategy, with its defaults, meets the best backbones so far. Defaults first, because a
search without them is often worse than no search.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from autosft.contracts.record import Record
from autosft.contracts.space import defaults
from autosft.contracts.task import Task
from autosft.host.registry import Registry
from autosft.search.memory.sampler import Params
from autosft.search.plan import Plan, space_of
from autosft.search.policy.budget import Estimates
from autosft.search.policy.rung0 import Rung0, ranked_backbones

FAVORITES = 3
"""How many of the best backbones meet every strategy; the first of them for which there is time comes first. One that
only cheap strategies take, because nothing in it can be trained, is none of them."""


def portfolio(
    task: Task, registry: Registry, plan: Plan, records: Sequence[Record], estimates: Estimates, *, used: float
) -> Iterator[Params]:
    """The recipes that come before the sampler's; some may have been tried already.

    Args:
        task: What is solved.
        registry: The parts.
        plan: What may be tried.
        records: What was tried.
        estimates: What things will take.
        used: The share of the budget that is used.
    """
    yield from Rung0(task, registry, plan, estimates).recipes(records, used=used)
    dear = {name for name, strategy in registry.strategies.items() if not strategy.cheap}
    ranked = [name for name in ranked_backbones(records) if dear & set(plan.candidate(name).strategies)]
    favorites = ranked[:FAVORITES]
    for backbone in favorites or [plan.candidates[0].info.name]:
        for strategy in plan.candidate(backbone).strategies:
            space = space_of(task, registry, plan, backbone, strategy)
            yield {"backbone": backbone, "strategy": strategy, **defaults(space)}
