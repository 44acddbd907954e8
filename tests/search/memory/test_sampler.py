"""The sampler's first draws of a strategy lean on its defaults, and no longer once it has been seen."""

from __future__ import annotations

from autosft.contracts.space import Choice, Float, Space
from autosft.search.memory.sampler import STARTUP_TRIALS, Sampler, distribution_of

SPACE: Space = {f"p{number}": Choice((0, 1)) for number in range(20)} | {"rate": Float(0.0, 1.0, default=0.5)}
CHOICES = {"backbone": Choice(("b",)), "strategy": Choice(("s",))}


def drawn(sampler: Sampler, started: int, attempt: int = 0) -> dict[str, object]:
    return sampler.propose(CHOICES, lambda backbone, strategy: SPACE, started, attempt)


def changes(params: dict[str, object]) -> int:
    return sum(params[name] != parameter.default for name, parameter in SPACE.items())


def test_first_draws_change_a_few_defaults_and_name_every_parameter():
    proposals = [drawn(Sampler(seed), started=0) for seed in range(20)]

    assert all(set(params) == {"backbone", "strategy", *SPACE} for params in proposals)
    assert 0 < sum(map(changes, proposals)) / len(proposals) < 7
    assert len({tuple(sorted(params.items())) for params in proposals}) > 10


def test_a_strategy_that_was_seen_is_left_to_what_is_believed_of_it():
    sampler = Sampler(0)
    distributions = {name: distribution_of(parameter) for name, parameter in (CHOICES | dict(SPACE)).items()}
    for number in range(3 * STARTUP_TRIALS):  # what is away from the defaults does well
        params = {"backbone": "b", "strategy": "s", "rate": 0.9, **{f"p{n}": 1 for n in range(20)}}
        if number % 2:
            params |= {"rate": 0.5, **{f"p{n}": 0 for n in range(20)}}
        sampler.learn(number, params, distributions, float(number % 2 == 0))

    assert changes(drawn(sampler, started=3 * STARTUP_TRIALS)) > 12
