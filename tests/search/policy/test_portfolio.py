"""The first recipes: which come first, and how rung 0 grows over rows and effort."""

from __future__ import annotations

import itertools
import math
from typing import ClassVar

import pytest

from autosft.contracts.facts import Facts
from autosft.contracts.recipe import TeacherMember
from autosft.contracts.record import Record
from autosft.contracts.space import Choice, Space
from autosft.contracts.strategy import Strategy
from autosft.runs.plan import Candidate, Plan, make_plan, precheck
from autosft.runs.spec import SearchSpec
from autosft.search.memory.sampler import Sampler
from autosft.search.policy.budget import Estimates
from autosft.search.policy.portfolio import portfolio
from autosft.search.policy.proposals import Proposals
from autosft.search.policy.rung0 import FIRST_ROWS, FRACTION, GROWTH, SCREENED_ROWS, Rung0
from autosft.search.space import content_of, recipe_of, relative_cost_of, unlabeled_of
from autosft.testing.toy import ToyModality

OWN = {"tiny.activation": "tanh", "classification.loss": "cross_entropy"}


class Cheap(Strategy):
    """Does nothing, quickly."""

    name, cheap = "cheap", True


def of_rows(plan, train):
    return plan.model_copy(update={"facts": Facts(train=train, valid=20, test=20)})


@pytest.fixture
def first(task, with_parts):
    """A function that gives the first recipes, as pairs of backbone and rows for cheap ones, else backbone and name."""
    registry = with_parts(strategies={"cheap": Cheap()})
    plan = make_plan(task, registry, precheck(task, registry, SearchSpec()), Facts())

    def recipes(records=(), *, rows=90, used=0.0):
        estimates = Estimates(of_rows(plan, rows), records, None, lambda recipe: 1.0)
        found = [recipe_of(params, 0) for params in portfolio(task, registry, plan, records, estimates, used=used)]
        return [(recipe.backbone, recipe.rows if recipe.strategy == "cheap" else recipe.strategy) for recipe in found]

    return recipes


def record(number, backbone, score, rows=0):
    recipe = recipe_of({"backbone": backbone, "strategy": "cheap", "rows": rows, **OWN}, 0)
    return Record(number=number, state="done", recipe=recipe, score=score)


def test_cheap_strategies_meet_every_backbone_by_prior_and_then_the_best_meet_the_others(first):
    assert first()[:2] == [("tiny/wide", 0), ("tiny/narrow", 0)]
    records = [record(0, "tiny/wide", 0.5), record(1, "tiny/narrow", 0.9)]
    assert [pair for pair in first(records) if pair[1] == "toy"] == [("tiny/narrow", "toy"), ("tiny/wide", "toy")]


@pytest.mark.parametrize("error, best", [(0.03, "tiny/wide"), (0.01, "tiny/narrow"), (float("nan"), "tiny/wide")])
def test_of_scores_within_one_standard_error_the_backbone_with_the_highest_prior_is_the_best(first, error, best):
    scores = {"tiny/wide": 0.70, "tiny/narrow": 0.72}
    records = [
        record(n, name, score).model_copy(update={"score_error": error})
        for n, (name, score) in enumerate(scores.items())
    ]
    assert next(pair for pair in first(records) if pair[1] == "toy") == (best, "toy")


def test_against_a_clock_the_cheapest_backbone_is_the_first(first):
    assert first(used=0.01)[0] == ("tiny/narrow", 0)


def strategies_of(**priors):
    """Strategies that do nothing, by name; the first letter of a cheap one is c."""
    return {
        name: type(name, (Strategy,), {"name": name, "cheap": name.startswith("c"), "prior": prior})()
        for name, prior in priors.items()
    }


@pytest.fixture
def many(task, with_parts):
    """Four backbones, which two cheap strategies and four others can train; a function that gives the first recipes."""
    parts = strategies_of(cheap=0.9, close=0.5, worst=0.1, best=0.8, good=0.7, fair=0.6)
    registry = with_parts(strategies=parts)
    wide = make_plan(task, registry, precheck(task, registry, SearchSpec()), Facts()).candidates[0]
    names = [f"tiny/{name}" for name in "abcd"]
    infos = [wide.info.model_copy(update={"name": name}) for name in names]
    plan = Plan(candidates=tuple(Candidate(info=info, weights=None, strategies=tuple(parts)) for info in infos))
    records = [record(number, name, 0.9 - 0.1 * number) for number, name in enumerate(names)]

    def recipes(*, used=FRACTION):
        estimates = Estimates(of_rows(plan, 90), records, None, lambda recipe: 1.0)
        found = portfolio(task, registry, plan, records, estimates, used=used)
        return [f"{params['backbone']}-{params['strategy']}".removeprefix("tiny/") for params in found]

    return recipes


def test_of_the_cheap_strategies_the_most_promising_meets_every_backbone_and_others_the_best(many):
    early, late = many(used=0.0), many()
    assert early[:4] == ["a-cheap", "b-cheap", "c-cheap", "d-cheap"]
    assert [pair for pair in late if "-c" in pair] == [
        f"{name}-{kind}" for name in "abc" for kind in ("cheap", "close")
    ]
    assert late[:2] == ["a-cheap", "a-close"]


def test_the_more_promising_a_strategy_the_more_backbones_it_meets_and_the_last_are_the_sampler_s(many):
    dear = [pair for pair in many() if "-c" not in pair]
    assert dear == ["a-best", "a-good", "b-best", "a-fair", "b-good", "c-best"]


@pytest.fixture
def with_counts(task, with_parts, enlarge):
    """The toy backbones and one that is fitted to the rows, which nothing but a cheap strategy takes."""
    registry = with_parts(strategies={"cheap": Cheap()})
    wide, narrow = make_plan(task, registry, precheck(task, registry, SearchSpec()), Facts()).candidates
    info = wide.info.model_copy(update={"name": "tiny/counts", "gigaflops": 0.0, "origin": "fitted", "prior": 0.1})
    plan = enlarge(Plan(candidates=(wide, narrow, Candidate(info=info, weights=None, strategies=("cheap",)))))

    def recipes(records, *, rows, budget=60.0, used=0.01):
        estimates = Estimates(of_rows(plan, rows), records, budget, lambda recipe: 1.0)
        found = [recipe_of(params, 0) for params in portfolio(task, registry, plan, records, estimates, used=used)]
        return [(recipe.backbone, recipe.strategy, recipe.rows) for recipe in found]

    return recipes


def test_against_a_clock_what_is_fitted_to_the_rows_comes_before_even_the_cheapest(with_counts):
    rows = 3 * FIRST_ROWS
    assert with_counts((), rows=rows)[:2] == [
        ("tiny/counts", "cheap", FIRST_ROWS),
        ("tiny/narrow", "cheap", FIRST_ROWS),
    ]
    records = [record(0, "tiny/counts", 0.5, FIRST_ROWS)]
    assert with_counts(records, rows=rows)[1] == ("tiny/narrow", "cheap", FIRST_ROWS)


def test_as_long_as_none_tells_what_others_take_the_next_cheapest_follows(with_counts):
    few = [("tiny/narrow", "cheap", FIRST_ROWS), ("tiny/wide", "cheap", FIRST_ROWS)]
    quick = record(1, "tiny/narrow", 0.5, FIRST_ROWS)
    untold, told = ([quick.model_copy(update={"seconds_per_row": {"encode": per_row}})] for per_row in (0.0001, 0.01))
    assert with_counts(untold, rows=3 * FIRST_ROWS)[1:3] == few
    assert [pair for pair in with_counts(told, rows=3 * FIRST_ROWS) if pair[0] != "tiny/counts"][:2] == few[::-1]


@pytest.mark.parametrize("seconds, all_at_once", [(0.001, True), (0.01, False)])
def test_what_is_fitted_goes_on_to_all_rows_before_others_meet_some_while_that_is_quick(
    with_counts, seconds, all_at_once
):
    rows, few = 3 * FIRST_ROWS, ("cheap", FIRST_ROWS)
    records = [record(0, "tiny/counts", 0.1, FIRST_ROWS).model_copy(update={"seconds_per_row": {"fit": seconds}})]
    found = with_counts(records, rows=rows)
    assert found[:2] == [("tiny/counts", *few), ("tiny/narrow", *few)]
    assert (("tiny/counts", "cheap", 0) in found[2:4]) == (("tiny/counts", "cheap", 0) in found) == all_at_once


def test_what_cannot_be_trained_takes_no_place_among_the_favorites(with_counts):
    scores = {"tiny/counts": 0.9, "tiny/wide": 0.8, "tiny/narrow": 0.7}
    records = [record(n, name, score) for n, (name, score) in enumerate(scores.items())]
    favorites = [backbone for backbone, *_ in with_counts(records, rows=90, used=FRACTION)]
    assert list(dict.fromkeys(favorites)) == ["tiny/wide", "tiny/narrow"]


def test_the_first_is_one_that_a_cheap_strategy_accepts(task, with_parts):
    registry = with_parts(strategies={"cheap": Cheap()})
    wide, narrow = make_plan(
        task, registry, precheck(task, registry, SearchSpec(strategies=("cheap",))), Facts()
    ).candidates
    best = wide.model_copy(update={"info": wide.info.model_copy(update={"name": "tiny/best", "gigaflops": 1.0})})
    plan = Plan(candidates=(best, wide, narrow.model_copy(update={"strategies": ("toy",)})))
    estimates = Estimates(of_rows(plan, 90), (), 60.0, lambda recipe: 1.0)
    params = next(portfolio(task, registry, plan, (), estimates, used=0.01))
    assert (params["backbone"], params["strategy"]) == ("tiny/wide", "cheap")


def test_with_many_rows_rung_0_begins_with_some_and_the_better_half_goes_on(first):
    rows = 3 * FIRST_ROWS * GROWTH
    assert first(rows=rows)[:2] == [("tiny/wide", FIRST_ROWS), ("tiny/narrow", FIRST_ROWS)]
    assert not [pair for pair in first(rows=rows) if pair[1] == FIRST_ROWS * GROWTH]

    records = [record(0, "tiny/wide", 0.5, FIRST_ROWS), record(1, "tiny/narrow", 0.9, FIRST_ROWS)]
    assert ("tiny/narrow", FIRST_ROWS * GROWTH) in first(records, rows=rows)
    assert ("tiny/wide", FIRST_ROWS * GROWTH) not in first(records, rows=rows)

    records.append(record(2, "tiny/narrow", 0.95, FIRST_ROWS * GROWTH))
    assert ("tiny/narrow", 0) in first(records, rows=rows)


def test_rung_0_ends_when_it_has_used_its_fraction(first):
    records = [record(0, "tiny/wide", 0.5)]

    assert ("tiny/narrow", 0) not in first(records, used=FRACTION)


def test_many_rows_are_all_taken_at_once_where_a_pass_over_them_is_quick(task, with_parts, enlarge):
    registry = with_parts(strategies={"cheap": Cheap()})
    plan = enlarge(make_plan(task, registry, precheck(task, registry, SearchSpec()), Facts()))

    def rows_of(per_row):
        one = record(0, "tiny/narrow", 0.5).model_copy(update={"seconds_per_row": {"encode": per_row}})
        rung = Rung0(task, registry, plan, Estimates(of_rows(plan, 3 * FIRST_ROWS), [one], 100.0, lambda recipe: 1.0))
        return {params.get("rows", 0) for params in rung.recipes([one], used=0.1)}

    assert rows_of(0.002) == {0} and rows_of(0.1) == rows_of(0.0001) == {FIRST_ROWS}


class Abroad(ToyModality.__base__):
    """Points that the wide encoder does not know."""

    name, kinds = "points", ToyModality.kinds
    recognize, scan, collect, read = ToyModality.recognize, ToyModality.scan, ToyModality.collect, ToyModality.read
    view, collate = ToyModality.view, ToyModality.collate

    def unfamiliar(self, info, state):
        return "knows other points" if info.name == "tiny/wide" else ""


@pytest.mark.parametrize("rows, few", [(3 * SCREENED_ROWS, SCREENED_ROWS), (SCREENED_ROWS, 0)])
def test_an_encoder_to_which_the_rows_are_unfamiliar_comes_last_on_a_few_rows_and_stays_if_it_does_well(
    task, with_parts, rows, few
):
    registry = with_parts(strategies={"cheap": Cheap()}, modalities={"points": Abroad()})
    plan = make_plan(task, registry, precheck(task, registry, SearchSpec()), Facts())
    proposals = Proposals(task, registry, plan, Sampler(0))

    def proposed(*records):
        estimates = Estimates(of_rows(plan, rows), records, None, lambda recipe: 1.0)
        found, tried = [], {content_of(one.recipe) for one in records}
        while len(found) < 30:
            params = proposals.next(
                records,
                estimates,
                tried=tried,
                uncut={},
                quarantined=(),
                teachers=lambda strategy, backbone: (),
                used=0.1,
                started=len(tried),
                left=math.inf,
            )
            if params is None:
                break
            found.append(recipe_of(params, 0))
            tried.add(content_of(found[-1]))
        return found

    def told(score):
        errors = {"score_error": 0.05}
        known = record(0, "tiny/narrow", 0.8).model_copy(update=errors)
        return [known, record(1, "tiny/wide", score, few).model_copy(update=errors)]

    begun = proposed()
    assert (begun[0].backbone, begun[0].rows) == ("tiny/narrow", 0)
    assert [(one.strategy, one.rows) for one in begun if one.backbone == "tiny/wide"][:1] == [("cheap", few)]
    assert not [one for one in proposed(*told(0.6)) if one.backbone == "tiny/wide"]
    assert [one for one in proposed(*told(0.79)) if one.backbone == "tiny/wide"]


def test_few_rows_are_all_taken_at_once(first):
    counts = {pair[1] for pair in itertools.chain(first(rows=2 * FIRST_ROWS), first(rows=10))}

    assert counts == {0, "toy"}


class Zoom(ToyModality.__base__):
    """Points that can be looked at from afar."""

    name, kinds = "points", ToyModality.kinds
    space: ClassVar[Space] = {"near": Choice((1.0, 0.5, 0.25))}
    recognize, scan, collect, read = ToyModality.recognize, ToyModality.scan, ToyModality.collect, ToyModality.read
    view, collate = ToyModality.view, ToyModality.collate

    def relative_cost(self, inputs, recipe, state):
        return recipe.of("points").get("near", 1.0) ** 2


@pytest.mark.parametrize(("budget", "near"), [(None, 1.0), (1000.0, 1.0), (100.0, 0.5), (10.0, 0.25)])
def test_where_time_is_short_rung_0_begins_with_lower_cost_and_ends_with_all_of_it(
    task, with_parts, enlarge, budget, near
):
    registry = with_parts(strategies={"cheap": Cheap()}, modalities={"points": Zoom()})
    plan = enlarge(make_plan(task, registry, precheck(task, registry, SearchSpec()), Facts()))
    cost = relative_cost_of(task, registry, plan)

    def steps(records):
        rung = Rung0(task, registry, plan, Estimates(of_rows(plan, 500), records, budget, cost))
        found = [recipe_of(params, 0) for params in rung.recipes(records, used=0.0 if budget is None else 0.1)]
        return [(recipe.backbone, recipe.of("points")["near"]) for recipe in found]

    def tried(number, backbone, near, score):
        recipe = recipe_of({"backbone": backbone, "strategy": "cheap", "points.near": near, **OWN}, 0)
        per_row = {"encode": 0.05 * near**2 * (2 if backbone == "tiny/wide" else 1)}
        return Record(number=number, state="done", recipe=recipe, score=score, seconds_per_row=per_row)

    first = tried(0, "tiny/narrow", 1.0, 0.5)
    assert [("tiny/wide", near), ("tiny/narrow", near)] == steps([first])[:2]
    records = [first, tried(1, "tiny/wide", near, 0.9), tried(2, "tiny/narrow", near, 0.4)]
    assert steps(records)[-1] == ("tiny/wide", 1.0)
    if near < 1.0:
        assert ("tiny/narrow", 1.0) not in steps(records)


class Learner(Cheap):
    """Learns from rows without targets, as several encoders see them."""

    name, wants = "learner", frozenset({"unlabeled", "encoders"})


@pytest.mark.parametrize(
    "budget, left, rows", [(1000.0, 900.0, 0), (100.0, 90.0, 250), (1000.0, 30.0, 125), (30.0, 20.0, None)]
)
def test_rows_without_targets_are_as_many_as_there_is_time_for_and_come_after_rung_0(
    task, with_parts, budget, left, rows
):
    registry = with_parts(strategies={"cheap": Cheap(), "learner": Learner()})
    facts = Facts(train=90, valid=20, test=20, unlabeled=2000)
    plan = make_plan(task, registry, precheck(task, registry, SearchSpec()), facts)
    records = [
        record(number, name, 0.5).model_copy(update={"seconds_per_row": {"encode": 0.05}})
        for number, name in enumerate(("tiny/wide", "tiny/narrow"))
    ]
    others = {
        name: (TeacherMember(trial=n, weight=1.0, recipe=records[n].recipe),)
        for n, name in ((1, "tiny/wide"), (0, "tiny/narrow"))
    }
    estimates = Estimates(plan, records, budget, lambda recipe: 1.0, unlabeled_of(registry, plan))
    params = Proposals(task, registry, plan, Sampler(0)).next(
        records,
        estimates,
        tried={content_of(one.recipe) for one in records},
        uncut={},
        quarantined=(),
        teachers=lambda strategy, backbone: others[backbone] if strategy == "learner" else (),
        used=0.5,
        started=2,
        left=left,
    )
    assert (params or {}).get("unlabeled", 0 if params and params["strategy"] == "learner" else None) == rows
