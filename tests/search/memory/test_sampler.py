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


RATE: Space = {"rate": Float(0.0, 1.0, default=0.1)}
LINE = {name: distribution_of(parameter) for name, parameter in (CHOICES | dict(RATE)).items()}


def knowing(count: int) -> Sampler:
    """Knows that rates about 0.7 are best."""
    sampler = Sampler(0)
    for number in range(count):
        rate = (number + 0.5) / count
        sampler.learn(number, {"backbone": "b", "strategy": "s", "rate": rate}, LINE, -((rate - 0.7) ** 2))
    return sampler


def rates(sampler: Sampler, count: int = 30) -> list[float]:
    return [sampler.propose(CHOICES, lambda *_: RATE, started, 0)["rate"] for started in range(100, 100 + count)]


def test_it_keeps_away_from_what_other_workers_are_training():
    alone, beside = knowing(40), knowing(40)
    for number in range(40, 60):
        beside.start(number, {"backbone": "b", "strategy": "s", "rate": 0.7}, LINE)

    near = [sum(abs(rate - 0.7) < 0.05 for rate in rates(sampler)) for sampler in (alone, beside)]

    assert near[0] > 15 and near[1] < near[0] / 3


def test_what_was_being_trained_counts_by_its_score_once_it_is_known():
    alone, beside = knowing(40), knowing(40)
    params = {"backbone": "b", "strategy": "s", "rate": 0.2}
    beside.start(40, params, LINE)
    for sampler in (alone, beside):
        sampler.learn(40, params, LINE, 0.5)

    assert rates(alone) == rates(beside)


def test_what_is_being_trained_is_remembered_where_most_outcomes_are_forgotten(monkeypatch):
    monkeypatch.setattr("autosft.search.memory.sampler.MOST_SHOWN", 40)
    monkeypatch.setattr("autosft.search.memory.sampler.BEST_SHOWN", 20)
    alone, beside = knowing(40), knowing(40)
    for number in range(40, 48):
        beside.start(number, {"backbone": "b", "strategy": "s", "rate": 0.7}, LINE)
    for sampler in (alone, beside):
        for number in range(50, 60):
            sampler.learn(number, {"backbone": "b", "strategy": "s", "rate": 0.01}, LINE, -0.5)

    near = [sum(abs(rate - 0.7) < 0.05 for rate in rates(sampler)) for sampler in (alone, beside)]
    assert near[1] < near[0]
