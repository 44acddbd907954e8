"""What is done about failures: what is sent again and how often, and which part is to blame."""

from __future__ import annotations

import pytest

from autosft.contracts.executor import Event, Order
from autosft.contracts.recipe import Optim, Recipe
from autosft.contracts.record import Record
from autosft.search.orders.fleet import Answer
from autosft.search.orders.retries import HALVINGS, LOSSES, Retries, micro_batch_for, to_quarantine

RECIPE = Recipe(backbone="tiny/wide", strategy="toy", optim=Optim(batch_size=32))


def answer(order, kind="lost", *, late=False, **body):
    return Answer(order, Event(token=order.token, kind=kind, body={"reason": "it fell", **body}), 2.0, 1.0, late)


@pytest.fixture
def order():
    return Order(run="/nowhere", trial=3, token="first", recipe=RECIPE, seconds=10.0)


def test_a_lost_worker_costs_no_trial_unless_it_is_lost_again_and_again(order):
    retries = Retries()
    tokens = {order.token}
    for _ in range(LOSSES):
        order, why = retries.again(answer(order))
        assert "it fell" in why and order.trial == 3 and order.micro_batch == 0
        tokens.add(order.token)

    assert retries.again(answer(order)) is None
    assert len(tokens) == LOSSES + 1, "late answers to an old order must not be taken for answers to the new one"
    assert order.seconds == 10.0 - 2.0 * LOSSES


@pytest.mark.parametrize("kind", ["lost", "done"])
def test_after_memory_ran_out_half_the_rows_are_tried_at_once_three_times(order, kind):
    retries, sizes = Retries(), []
    body = {"out_of_memory": True} if kind == "lost" else {"state": "out_of_memory"}
    while again := retries.again(answer(order, kind, **body)):
        order, _ = again
        sizes.append(order.micro_batch)

    assert sizes == [16, 8, 4] and len(sizes) == HALVINGS


def test_less_than_one_row_is_never_tried(order):
    assert Retries().again(answer(order.model_copy(update={"micro_batch": 1}), "done", state="out_of_memory")) is None


def test_who_overstayed_its_time_is_not_sent_again(order):
    assert Retries().again(answer(order, late=True)) is None


@pytest.mark.parametrize("state", ["done", "failed", "diverged", "interrupted"])
def test_an_outcome_is_an_outcome(order, state):
    assert Retries().again(answer(order, "done", state=state)) is None


def test_trials_are_counted_one_by_one(order):
    retries = Retries()
    for trial in range(LOSSES + 2):
        assert retries.again(answer(order.model_copy(update={"trial": trial})))


def ended(state, strategy="toy", backbone="tiny/wide", micro_batch=0, number=0):
    recipe = RECIPE.changed(strategy=strategy, backbone=backbone)
    return Record(number=number, state=state, recipe=recipe, micro_batch=micro_batch, error=f"{strategy} said no")


def test_what_did_not_fit_the_memory_is_remembered_for_the_same_backbone_and_strategy():
    records = [ended("done", micro_batch=8), ended("out_of_memory", micro_batch=16), ended("done")]

    assert micro_batch_for(RECIPE, records) == 8
    assert micro_batch_for(RECIPE.changed(backbone="tiny/narrow"), records) == 0
    assert micro_batch_for(RECIPE.changed(strategy="other"), records) == 0
    assert micro_batch_for(RECIPE.changed(optim=Optim(batch_size=8)), records) == 0


def test_a_strategy_that_fails_three_times_in_a_row_is_quarantined_and_no_backbone_is_blamed_for_it():
    records = [ended("done"), *[ended("failed", "bad")] * 3]

    assert to_quarantine(records) == {"bad": "bad said no"}


def test_a_backbone_that_fails_under_every_strategy_is_quarantined():
    records = [
        record
        for strategy in ("one", "two")
        for record in (
            ended("failed", strategy, "tiny/broken"),
            ended("failed", strategy, "tiny/broken"),
            ended("done", strategy),
        )
    ]

    assert set(to_quarantine(records)) == {"tiny/broken"}


@pytest.mark.parametrize("state", ["done", "diverged"])
def test_a_trial_in_between_that_a_part_is_not_to_blame_for_ends_the_row(state):
    assert not to_quarantine([ended("failed"), ended("failed"), ended(state), ended("failed")])


def test_a_trial_for_which_time_ran_out_counts_neither_way():
    assert to_quarantine([ended("failed"), ended("interrupted"), ended("failed"), ended("failed")])


def test_a_strategy_is_not_blamed_for_backbones_that_fail_each_for_its_own_reason_or_for_want_of_memory():
    others = [
        ended("failed", backbone=f"tiny/{name}").model_copy(update={"error": f"no weights of {name}"}) for name in "abc"
    ]
    assert not to_quarantine(others)
    assert not to_quarantine([ended("out_of_memory", backbone=f"tiny/{name}") for name in "abc"])
    assert to_quarantine([ended("failed", backbone=f"tiny/{name}") for name in "abc"]) == {"toy": "toy said no"}
    others.append(ended("done", "other", backbone="tiny/c"))
    assert to_quarantine(others) == {"toy": "no weights of c"}


def test_of_trials_that_start_from_an_encoder_that_nobody_could_make_its_maker_is_quarantined():
    start = Recipe(backbone="tiny/wide", strategy="denoise")
    records = [
        one.model_copy(update={"recipe": one.recipe.changed(start=start)})
        for one in (ended("failed", "toy"), ended("failed", "toy"), ended("failed", "toy"))
    ]

    assert not to_quarantine(records[:2])
    assert set(to_quarantine([*records, ended("failed", "toy")])) == {"denoise"}
