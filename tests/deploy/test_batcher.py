"""Requests that come together are answered together, each with its own answers."""

from __future__ import annotations

import threading

import pytest

from autosft.serving.batcher import Batcher, Overloaded


class Held:
    """Squares numbers, once it is let go; refuses 13."""

    def __init__(self):
        self.let_go, self.began, self.batches = threading.Event(), threading.Event(), []

    @property
    def sizes(self):
        return [len(batch) for batch in self.batches]

    def __call__(self, items):
        self.began.set()
        self.let_go.wait(60)
        self.batches.append(list(items))
        if 13 in items:
            raise ValueError("13")
        return [item**2 for item in items]


@pytest.fixture
def held():
    return Held()


@pytest.fixture
def batcher(held):
    made = Batcher(held, lambda item: item // 10, most=4, wait=0.0, most_waiting=20)
    yield made
    held.let_go.set()
    made.close()


def test_what_waits_is_answered_together_up_to_the_most(batcher, held):
    first = batcher.submit([100])
    assert held.began.wait(60)
    others = [batcher.submit([number]) for number in range(10)]
    held.let_go.set()

    assert [one.result(60) for one in others] == [[number**2] for number in range(10)]
    assert first.result(60) == [10_000] and held.sizes == [1, 4, 4, 2]


def test_the_oldest_goes_first_with_those_most_like_it_in_length(batcher, held):
    batcher.submit([100])
    assert held.began.wait(60)
    answers = [batcher.submit([number]) for number in (31, 90, 30, 91, 41, 10, 32, 92)]
    held.let_go.set()

    assert [one.result(60) for one in answers] == [[number**2] for number in (31, 90, 30, 91, 41, 10, 32, 92)]
    assert held.batches == [[100], [31, 30, 32, 41], [90, 91, 92, 10]]


def test_a_request_is_never_split(batcher, held):
    held.let_go.set()

    assert batcher.submit(range(9)).result(60) == [number**2 for number in range(9)]
    assert held.sizes == [9]


def test_one_that_fails_does_not_take_others_with_it(batcher, held):
    first = batcher.submit([100])
    assert held.began.wait(60)
    good, bad, other = batcher.submit([1]), batcher.submit([13]), batcher.submit([2, 3])
    held.let_go.set()

    assert first.result(60) and good.result(60) == [1] and other.result(60) == [4, 9]
    with pytest.raises(ValueError, match="13"):
        bad.result(60)


def test_too_much_is_refused_and_what_was_taken_is_answered(batcher, held):
    taken = batcher.submit(range(100, 120))
    with pytest.raises(Overloaded, match="20 inputs are waiting"):
        batcher.submit([1])
    held.let_go.set()

    assert len(taken.result(60)) == 20


def test_closing_answers_what_was_taken_and_takes_no_more(batcher, held):
    taken = [batcher.submit([number]) for number in range(6)]
    held.let_go.set()
    batcher.close()

    assert [one.result(0) for one in taken] == [[number**2] for number in range(6)]
    with pytest.raises(Overloaded, match="shutting down"):
        batcher.submit([1])


def test_a_client_that_has_gone_costs_nobody_anything(batcher, held):
    batcher.submit([100])
    assert held.began.wait(60)
    gone, here = batcher.submit([1]), batcher.submit([2])
    assert gone.cancel()
    held.let_go.set()

    assert here.result(60) == [4]
