"""Which paused trial goes on, and when: successive halving, and what is added for searches that end by the clock."""

from __future__ import annotations

import pytest

from autosft.contracts.recipe import Recipe, Stop
from autosft.contracts.record import Epoch, Record
from autosft.search.policy.rungs import FACTOR, FIRST_RUNG, between_rungs, hopeful, next_rung, promoted


def trial(number, scores, state="paused", **fields):
    epochs = tuple(Epoch(stage="s", number=n, loss=1.0, score=score, seconds=1.0) for n, score in enumerate(scores, 1))
    recipe = Recipe(backbone="tiny/wide", strategy="toy", stop=Stop(max_epochs=30))
    scored = [score for score in scores if score is not None]
    best = max(scored, default=None)
    return Record(number=number, state=state, recipe=recipe, score=best, epochs=epochs, **fields)


def test_rungs_grow_by_a_factor_and_count_validated_epochs():
    assert next_rung(None) == FIRST_RUNG
    assert next_rung(trial(0, [0.5] * FIRST_RUNG)) == FIRST_RUNG * FACTOR
    assert next_rung(trial(0, [0.5] * FIRST_RUNG * FACTOR)) == FIRST_RUNG * FACTOR**2
    assert next_rung(trial(0, [None] * 5 + [0.5])) == FIRST_RUNG


def test_a_trial_that_was_interrupted_between_two_rungs_is_told_from_one_that_paused():
    at_rungs = [FIRST_RUNG, FIRST_RUNG * FACTOR, FIRST_RUNG * FACTOR**2]

    between = [count for count in range(1, 20) if between_rungs(trial(0, [0.5] * count))]

    assert between == [count for count in range(1, 20) if count not in at_rungs]


def test_no_one_goes_on_before_there_are_enough_to_compare():
    paused = [trial(number, [0.1, number / 10]) for number in range(FACTOR - 1)]

    assert promoted(paused, paused) is None


def test_the_best_of_a_rung_goes_on_and_the_others_wait():
    paused = [trial(0, [0.1, 0.5]), trial(1, [0.1, 0.9]), trial(2, [0.1, 0.7])]

    assert promoted(paused, paused) == paused[1]
    onward = [trial(1, [0.1, 0.9, 0.9, 0.9, 0.9, 0.9]), paused[0], paused[2]]
    assert promoted([paused[0], paused[2]], onward) is None, "one of three has gone on; the next must wait for more"


def test_the_highest_rung_goes_first():
    low = [trial(number, [0.1, 0.9]) for number in range(3)]
    high = [trial(number, [0.1, 0.5, 0.5, 0.5, 0.5, 0.3 + number / 10]) for number in range(3, 6)]

    assert promoted([*low, *high], [*low, *high]) == high[-1]


def test_trials_that_are_over_count_for_the_rungs_that_they_passed():
    over = [trial(number, [0.2, 0.2, 0.9], "done") for number in range(2)]
    paused = [trial(2, [0.1, 0.5])]

    assert promoted(paused, [*over, *paused]) == paused[0], "at this rung it was better, whatever they came to later"


def test_a_trial_without_a_score_is_never_promoted():
    paused = [trial(number, [None, None]) for number in range(4)]

    assert promoted(paused, paused) is None


@pytest.mark.parametrize(("score", "goes_on"), [(0.85, True), (0.80, True), (0.79, False)])
def test_when_nothing_new_can_start_only_who_may_still_win_goes_on(score, goes_on):
    over = trial(0, [0.9], "done", score_error=0.1)
    paused = [trial(1, [0.3, score]), trial(2, [0.3, 0.4])]

    assert hopeful(paused, [over, *paused]) == (paused[0] if goes_on else None)


def test_without_any_trial_that_is_over_the_best_paused_one_goes_on():
    paused = [trial(1, [0.3, 0.4]), trial(2, [0.3, 0.6])]

    assert hopeful(paused, paused) == paused[1] and hopeful([], []) is None
