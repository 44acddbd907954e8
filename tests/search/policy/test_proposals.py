"""What learns from rows without targets has its part of the time, and more once it has shown that it gains."""

from __future__ import annotations

import pytest

from autosft.contracts.facts import Facts
from autosft.contracts.record import Record
from autosft.contracts.strategy import Strategy
from autosft.runs.plan import make_plan, precheck
from autosft.runs.spec import SearchSpec
from autosft.search.memory.sampler import Sampler
from autosft.search.policy.budget import Estimates
from autosft.search.policy.proposals import FEWEST_UNLABELED, Proposals
from autosft.search.space import content_of, recipe_of, unlabeled_of


class Cheap(Strategy):
    """Leaves the encoder as it is."""

    name, cheap = "cheap", True


class Trainer(Strategy):
    """Trains the encoder, on rows without targets too; the most promising."""

    name, prior, wants, unlabeled_cost = "trainer", 1.0, frozenset({"unlabeled"}), 1.5


class Rare(Strategy):
    """Seldom pays."""

    name, prior, optional = "rare", 1.0, True


@pytest.fixture
def parts(with_parts):
    """The registry, with a strategy of each kind."""
    return with_parts(strategies={"cheap": Cheap(), "trainer": Trainer(), "rare": Rare()})


@pytest.fixture
def proposing(task, parts):
    """A function from the allowed strategies to one from records to the parameters of the next trial. There are two
    backbones, and 2,000 rows without targets."""

    def proposer(*allowed):
        facts = Facts(train=90, valid=200, test=20, unlabeled=2000)
        plan = make_plan(task, parts, precheck(task, parts, SearchSpec(strategies=allowed)), facts)

        def next_of(records, left=900.0):
            return Proposals(task, parts, plan, Sampler(0)).next(
                records,
                Estimates(plan, records, 1000.0, lambda recipe: 1.0, unlabeled_of(parts, plan)),
                tried={content_of(one.recipe) for one in records},
                uncut={},
                quarantined=(),
                teachers=lambda *_: (),
                used=0.5,
                started=len(records),
                left=left,
            )

        return next_of

    return proposer


@pytest.fixture
def propose(proposing):
    """All strategies but those that are optional."""
    return proposing()


def record(number, strategy, score, seconds, backbone="tiny/wide", **per_row):
    recipe = recipe_of({"backbone": backbone, "strategy": strategy, "stop.max_epochs": 4}, 0)
    ended = {"score": score, "score_error": 0.01, "rows": 200, "seconds": seconds, "seconds_per_row": per_row}
    return Record(number=number, state="done", recipe=recipe, **ended)


def screened(propose):
    """Records of rung 0 on both backbones."""
    own = {"encode": 0.001}
    records = []
    while not records or recipe_of(propose(records), 0).strategy == "cheap":
        recipe = recipe_of(propose(records), 0)
        done = Record(number=len(records), state="done", recipe=recipe, score=0.7, score_error=0.01, rows=200)
        records.append(done.model_copy(update={"seconds": 10.0, "seconds_per_row": own}))
    return records


@pytest.mark.parametrize(
    "score, seconds, next_one", [(0.5, 300.0, "toy"), (0.5, 10.0, "trainer"), (0.9, 300.0, "trainer")]
)
def test_it_waits_for_others_when_half_of_the_time_was_its_own_and_it_would_not_be_chosen(
    propose, score, seconds, next_one
):
    records = screened(propose)
    assert recipe_of(propose(records), 0).strategy == "trainer"
    records.append(record(len(records), "trainer", score, seconds, train=0.001))
    assert recipe_of(propose(records), 0).strategy == next_one


def test_it_is_tried_all_the_same_where_nothing_else_is_left(proposing):
    propose, records = proposing("cheap", "trainer"), [record(0, "trainer", 0.5, 300.0, train=0.001)]
    while (recipe := recipe_of(propose(records), 0)).strategy == "cheap":
        done = Record(number=len(records), state="done", recipe=recipe, score=0.7, score_error=0.01, rows=200)
        records.append(done.model_copy(update={"seconds": 0.1, "seconds_per_row": {"encode": 0.001}}))
    assert len(records) > 2


def test_a_trial_that_trains_its_encoder_has_as_many_rows_without_targets_as_there_is_time_for(propose):
    records = [one.model_copy(update={"seconds_per_row": {"encode": 0.01}}) for one in screened(propose)]
    rows = [(propose(records, left=left) or {}).get("unlabeled", 0) for left in (900.0, 400.0, 60.0)]
    assert rows[0] == 0 and rows[1] > rows[2] >= FEWEST_UNLABELED and not rows[1] % FEWEST_UNLABELED


def test_what_seldom_pays_is_tried_only_by_name(task, parts):
    offered = {one.name for one in precheck(task, parts, SearchSpec()).strategies}
    assert "trainer" in offered and "rare" not in offered
    assert [one.name for one in precheck(task, parts, SearchSpec(strategies=("rare",))).strategies] == ["rare"]
