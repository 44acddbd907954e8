"""The first recipes: the parts with their defaults, tried before the sampler proposes anything.

First rung 0. Where there are rows without targets, the best backbones then learn from them too. Then the further
strategies, with their defaults, meet the best backbones so far, the most promising first; and last they meet the best
backbone as each kind of pretraining leaves it, and those that are taught by others meet it. Defaults come first: in a
few trials they do better than values that are drawn at random.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from autosft.contracts.record import Record
from autosft.contracts.space import defaults
from autosft.contracts.task import Task
from autosft.host.registry import Registry
from autosft.runs.plan import Plan
from autosft.search.memory.sampler import Params
from autosft.search.policy.budget import Estimates
from autosft.search.policy.rung0 import Rung0, promising, ranked_backbones
from autosft.search.space import START, has_teacher, space_of

FAVORITES = 3
"""How many of the best backbones meet the strategy with the highest prior; of the next one meets one less, and so on,
and what is left over is the sampler's. A backbone that only cheap strategies take, because nothing in it can be
trained, is none of them."""


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
        used: The fraction of the budget that is used.
    """
    yield from Rung0(task, registry, plan, estimates).recipes(records, used=used)
    yield from _learners(task, registry, plan, ranked_backbones(records, plan)[:FAVORITES])
    dear = {name for name, strategy in registry.strategies.items() if not strategy.cheap}
    ranked = [name for name in ranked_backbones(records, plan) if dear & set(plan.candidate(name).strategies)]
    favorites = ranked[:FAVORITES] or [plan.candidates[0].info.name]
    for backbone, strategy in _pairs(registry, plan, favorites):
        space = space_of(task, registry, plan, backbone, strategy)
        yield {"backbone": backbone, "strategy": strategy, **defaults(space)}
    best = plan.candidate(favorites[0])
    for start in best.starts:
        for strategy in promising(registry, best):
            space = space_of(task, registry, plan, best.info.name, strategy)
            yield {"backbone": best.info.name, "strategy": strategy, **defaults(space), START: start}
    for strategy in best.strategies:
        if has_teacher(registry, strategy):
            space = space_of(task, registry, plan, best.info.name, strategy)
            yield {"backbone": best.info.name, "strategy": strategy, **defaults(space)}


def _learners(task: Task, registry: Registry, plan: Plan, favorites: Sequence[str]) -> Iterator[Params]:
    """Frozen encoders with what learns from rows without targets too."""
    for backbone in favorites:
        for strategy in plan.candidate(backbone).strategies:
            if "unlabeled" in registry.strategy(strategy).wants and registry.strategy(strategy).cheap:
                space = space_of(task, registry, plan, backbone, strategy)
                yield {"backbone": backbone, "strategy": strategy, **defaults(space)}


def _pairs(registry: Registry, plan: Plan, favorites: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Backbones and strategies: what is cheap as soon as a backbone has its turn; of the others the pairs with the
    lowest sum of both ranks first."""
    ranked = {name: promising(registry, plan.candidate(name)) for name in favorites}
    cheap = {name: [one for one in names if registry.strategy(one).cheap] for name, names in ranked.items()}
    dear = {name: [one for one in names if not registry.strategy(one).cheap] for name, names in ranked.items()}
    for step in range(FAVORITES):
        yield from ((name, strategy) for name in favorites[step : step + 1] for strategy in cheap[name])
        for rank, name in enumerate(favorites[: step + 1]):
            yield from ((name, strategy) for strategy in dear[name][step - rank : step - rank + 1])
