"""The first recipes: which come first, and how rung 0 grows over rows."""

from __future__ import annotations

import itertools

import pytest

from autosft.contracts.record import Record
from autosft.contracts.strategy import Strategy
from autosft.search.plan import make_plan, recipe_of
from autosft.search.policy.portfolio import CHEAP_SHARE, FIRST_ROWS, GROWTH, portfolio
from autosft.search.spec import SearchSpec


class Cheap(Strategy):
    """Does nothing, quickly."""

    name, cheap = "cheap", True


@pytest.fixture
def first(task, with_parts):
    """A function that gives the first recipes, as pairs of backbone and rows for cheap ones, else backbone and name."""
    registry = with_parts(strategies={"cheap": Cheap()})
    plan = make_plan(task, registry, SearchSpec())

    def recipes(records=(), *, rows=90, used=0.0):
        found = [recipe_of(params, 0) for params in portfolio(task, registry, plan, records, rows=rows, used=used)]
        return [(recipe.backbone, recipe.rows if recipe.strategy == "cheap" else recipe.strategy) for recipe in found]

    return recipes


def record(number, backbone, score, rows=0):
    recipe = recipe_of({"backbone": backbone, "strategy": "cheap", "rows": rows}, 0)
    return Record(number=number, state="done", recipe=recipe, score=score)


def test_cheap_strategies_meet_every_backbone_by_prior_and_then_the_best_meet_the_others(first):
    assert first()[:2] == [("toy/wide", 0), ("toy/narrow", 0)]
    records = [record(0, "toy/wide", 0.5), record(1, "toy/narrow", 0.9)]
    assert [pair for pair in first(records) if pair[1] == "toy"] == [("toy/narrow", "toy"), ("toy/wide", "toy")]


def test_against_a_clock_the_cheapest_backbone_is_the_first(first):
    assert first(used=0.01)[0] == ("toy/narrow", 0)


def test_with_many_rows_rung_0_begins_with_some_and_the_better_half_goes_on(first):
    rows = 3 * FIRST_ROWS * GROWTH
    assert first(rows=rows)[:2] == [("toy/wide", FIRST_ROWS), ("toy/narrow", FIRST_ROWS)]
    assert not [pair for pair in first(rows=rows) if pair[1] == FIRST_ROWS * GROWTH]

    records = [record(0, "toy/wide", 0.5, FIRST_ROWS), record(1, "toy/narrow", 0.9, FIRST_ROWS)]
    assert ("toy/narrow", FIRST_ROWS * GROWTH) in first(records, rows=rows)
    assert ("toy/wide", FIRST_ROWS * GROWTH) not in first(records, rows=rows)

    records.append(record(2, "toy/narrow", 0.95, FIRST_ROWS * GROWTH))
    assert ("toy/narrow", 0) in first(records, rows=rows)


def test_rung_0_ends_when_it_has_used_its_share(first):
    records = [record(0, "toy/wide", 0.5)]

    assert ("toy/narrow", 0) not in first(records, used=CHEAP_SHARE)


def test_few_rows_are_all_taken_at_once(first):
    counts = {pair[1] for pair in itertools.chain(first(rows=2 * FIRST_ROWS), first(rows=10))}

    assert counts == {0, "toy"}
