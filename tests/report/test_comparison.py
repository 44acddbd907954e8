"""How sure a score is, and which trials cannot be told from the best."""

from __future__ import annotations

import numpy as np
import pytest

from autosft.builtin.classification import Classification
from autosft.contracts.outputs import StoredOutputs
from autosft.contracts.problem import Outputs
from autosft.contracts.recipe import Recipe
from autosft.contracts.record import Record
from autosft.contracts.rows import Row, Rows
from autosft.contracts.task import TaskTarget
from autosft.report.comparison import standings

from .conftest import probabilities

COUNT = 200
ASKED = [TaskTarget(problem="classification")]
TRUTH = [0, 1] * (COUNT // 2)
VALID = Rows.of(Row(f"row-{n}", n, ("ab"[number],)) for n, number in enumerate(TRUTH))


def trial(number, wrong, error=None):
    recipe = Recipe(backbone="tiny/wide", strategy="toy")
    score = 1 - len(wrong) / COUNT
    return Record(number=number, state="done", recipe=recipe, score=score, score_error=error)


def answers(wrong, order=range(COUNT), rows=VALID):
    order = list(order)
    table = probabilities(TRUTH, 2, wrong=wrong)[order]
    return StoredOutputs(rows.take(order), (Outputs({"probabilities": table}),), (Classification().fit(["a", "b"]),))


def compare(records, stored):
    return standings(records, stored, ASKED, [Classification()], seed=0)


def test_trials_that_answer_alike_are_tied_and_a_worse_one_is_not():
    few, other, many = set(range(10)), set(range(11)), set(range(40))
    records = [trial(0, few), trial(1, other), trial(2, many)]

    found = compare(records, {0: answers(few), 1: answers(other), 2: answers(many)})

    assert [found[number].tied for number in range(3)] == [True, True, False]
    assert all(standing.paired for standing in found.values())


def test_pairing_tells_apart_what_standard_errors_cannot():
    """The second trial makes all the mistakes of the first, and ten more."""
    few, more = set(range(20)), set(range(30))
    records = [trial(0, few, error=0.021), trial(1, more, error=0.025)]

    assert compare(records, {})[1].tied
    assert not compare(records, {0: answers(few), 1: answers(more)})[1].tied


def test_an_interval_holds_the_score_and_is_as_wide_as_its_standard_error_says():
    wrong = set(range(20))
    error = (0.9 * 0.1 / COUNT) ** 0.5

    low, high = compare([trial(0, wrong)], {0: answers(wrong)})[0].interval

    assert low < 0.9 < high and high - low == pytest.approx(2 * 1.96 * error, rel=0.2)


def test_answers_in_another_order_of_rows_are_compared_by_row():
    wrong = set(range(20))
    shuffled = np.random.default_rng(0).permutation(COUNT)

    found = compare([trial(0, wrong), trial(1, wrong)], {0: answers(wrong), 1: answers(wrong, shuffled)})

    assert found[1].tied and found[1].interval == found[0].interval


def test_rows_of_one_group_are_drawn_together():
    grouped = VALID.with_columns(group=np.array([f"group {n // 20}" for n in range(COUNT)], dtype=object))
    wrong = set(range(20))  # all of the first group

    alone = compare([trial(0, wrong)], {0: answers(wrong)})[0].interval
    together = standings([trial(0, wrong)], {0: answers(wrong, rows=grouped)}, ASKED, [Classification()], seed=0)[
        0
    ].interval

    assert together[1] - together[0] > 2 * (alone[1] - alone[0])


def test_without_a_standard_error_nothing_is_known():
    found = compare([trial(0, set()), trial(1, {1})], {})

    assert found[1].interval is None and not found[1].tied
