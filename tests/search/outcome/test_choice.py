"""Which trial becomes the bundle."""

from __future__ import annotations

from autosft.contracts.recipe import Recipe
from autosft.contracts.record import Record
from autosft.search.outcome.choice import Expected, choose, contenders, is_perfect

EXPECTED = Expected({"frozen": 0.9, "humble": 0.5}, {"tiny/wide": 0.5, "tiny/narrow": 0.3})


def trial(number, strategy, score, error=0.05, rows=0, rows_scored=200, **fields):
    recipe = Recipe(backbone="tiny/wide", strategy=strategy, rows=rows)
    fields = {"state": "done", "score_error": error, "rows": rows_scored, **fields}
    return Record(number=number, recipe=recipe, score=score, **fields)


def test_without_a_score_nothing_is_chosen():
    assert choose([], EXPECTED) is None
    assert choose([trial(0, "toy", None, state="failed")], EXPECTED) is None


def test_a_frozen_encoder_within_one_standard_error_goes_first():
    records = [trial(0, "frozen", 0.80), trial(1, "frozen", 0.82), trial(2, "toy", 0.86)]

    assert choose(records, EXPECTED).number == 1


def test_beyond_one_standard_error_the_highest_score_wins():
    records = [trial(0, "frozen", 0.80), trial(1, "toy", 0.86)]

    assert choose(records, EXPECTED).number == 1


def test_with_many_rows_the_error_is_small_and_the_highest_score_wins():
    records = [trial(0, "frozen", 0.855, error=0.002), trial(1, "toy", 0.86, error=0.002)]

    assert choose(records, EXPECTED).number == 1


def test_of_equal_scores_the_lower_loss_is_chosen():
    records = [trial(0, "frozen", 0.8, loss=0.7), trial(1, "frozen", 0.8, loss=0.5)]

    assert choose(records, EXPECTED).number == 1


def test_a_failed_trial_is_never_chosen():
    records = [trial(0, "frozen", 0.9, state="diverged"), trial(1, "toy", 0.5)]

    assert choose(records, EXPECTED).number == 1


def test_the_models_of_contenders_are_kept_however_many_score_higher():
    records = [trial(0, "frozen", 0.80), trial(1, "frozen", 0.78)]
    records += [trial(number, "toy", 0.80 + number / 1000) for number in range(2, 8)]

    kept = contenders(records, EXPECTED, 3)

    assert kept == {7, 6, 5, 0}
    assert choose(records, EXPECTED).number in kept


def test_with_few_rows_a_trained_encoder_goes_first_only_beyond_the_interval_of_its_score():
    frozen = trial(0, "frozen", 0.80, rows_scored=40)
    close, beyond = (trial(1, "toy", score, rows_scored=40) for score in (0.88, 0.92))

    assert choose([frozen, close], EXPECTED) == frozen
    assert choose([frozen, beyond], EXPECTED) == beyond


def test_of_frozen_strategies_the_less_promising_must_be_better_by_what_few_rows_can_tell():
    promising = trial(0, "frozen", 0.80, rows_scored=40)
    close, beyond = (trial(1, "humble", score, rows_scored=40) for score in (0.85, 0.95))

    assert choose([promising, close], EXPECTED) == promising
    assert choose([promising, beyond], EXPECTED) == beyond


def test_a_score_on_the_split_alone_is_compared_with_what_others_have_there():
    """The split is easy: who was scored on it alone is no better for it."""
    crossed = trial(0, "frozen", 0.70, split_score=0.93, error=0.02)
    lucky, better = trial(1, "toy", 0.94, error=0.02), trial(2, "toy", 0.99, error=0.02)

    assert choose([crossed, lucky], EXPECTED) == crossed
    assert choose([crossed, lucky, better], EXPECTED) == better


def test_of_close_frozen_trials_those_on_more_rows_go_first():
    few, more, all_of_them = (trial(n, "frozen", 0.92 - n / 100, rows=rows) for n, rows in enumerate((50, 200, 0)))

    assert choose([few, more, all_of_them], EXPECTED) == all_of_them
    assert choose([few, more], EXPECTED) == more


def test_a_backbone_s_prior_counts_where_rows_are_few():
    known, other = trial(0, "frozen", 0.80), trial(1, "frozen", 0.83)
    other = other.model_copy(update={"recipe": other.recipe.changed(backbone="tiny/narrow")})
    sure = [record.model_copy(update={"score_error": 0.01, "rows": 2000}) for record in (known, other)]

    assert choose([known, other], EXPECTED) == known
    assert choose(sure, EXPECTED) == sure[1]


def test_only_on_many_rows_a_perfect_score_leaves_nothing_to_gain():
    assert is_perfect(trial(0, "toy", 1.0, rows_scored=300), 1.0)
    assert not is_perfect(trial(0, "toy", 1.0, rows_scored=5), 1.0)
    assert not is_perfect(trial(0, "toy", 0.99, rows_scored=300), 1.0)
