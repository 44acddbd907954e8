"""Which trials answer together, whether that pays, and what is never mixed; on answers that are made up."""

from __future__ import annotations

import numpy as np
import pytest

from autosft.builtin.classification import Classification
from autosft.builtin.multilabel import MultiLabel
from autosft.builtin.regression import Regression
from autosft.contracts.outputs import StoredOutputs
from autosft.contracts.problem import Outputs
from autosft.contracts.recipe import Recipe
from autosft.contracts.record import Record
from autosft.contracts.rows import Row, Rows
from autosft.contracts.task import TaskTarget
from autosft.search.outcome.choice import Expected
from autosft.search.outcome.ensemble import ALIKE, MOST_MEMBERS, choose_ensemble, likely, select
from autosft.search.outcome.predictions import Predictions

COUNT = 360
EXPECTED = Expected({}, {})


def rows_of(targets, groups=None):
    groups = groups or [""] * len(targets)
    pairs = zip(targets, groups, strict=True)
    return Rows.of(Row(id=f"row-{n}", ref=n, targets=(target,), group=group) for n, (target, group) in enumerate(pairs))


def stored(problem, targets, arrays=None, items=()):
    return StoredOutputs(rows_of(targets), (Outputs(arrays or {}, items),), (problem.fit(targets),))


@pytest.fixture
def labels():
    return ["ab"[n % 2] for n in range(COUNT)]


@pytest.fixture
def voter(labels):
    """A function that makes a classifier's answers: the probability of the true label in each row."""

    def make(true):
        first = np.array([name == "a" for name in labels])
        chance = np.where(first, true, 1 - np.asarray(true))
        return stored(Classification(), labels, {"probabilities": np.stack([chance, 1 - chance], axis=1)})

    return make


@pytest.fixture
def predictions_of(labels):
    def make(*trials, targets=None, problem=None, metric="accuracy", groups=None):
        rows = rows_of(targets or labels, groups)
        return Predictions(
            [TaskTarget(problem="any", metric=metric)],
            [problem or Classification()],
            rows,
            dict(enumerate(trials)),
            whole=True,
        )

    return make


def ensemble(predictions, numbers, seed=0):
    """The ensemble of these of the trials, each of a backbone of its own."""
    return choose_ensemble(
        predictions, [record for record in records_of(predictions) if record.number in numbers], EXPECTED, seed=seed
    )


def records_of(predictions, rows=COUNT, backbone="tiny/{}"):
    return [
        Record(
            number=number,
            state="done",
            recipe=Recipe(backbone=backbone.format(number), strategy="toy"),
            score=score,
            score_error=0.02,
            rows=rows,
        )
        for number, score in predictions.scores(predictions.rows).items()
    ]


def wrong_in(third):
    """Sure of the truth, but in one third of the rows a little wrong."""
    true = np.full(COUNT, 0.9)
    true[third::3] = 0.4
    return true


def test_three_that_are_each_wrong_elsewhere_are_right_together(predictions_of, voter):
    predictions = predictions_of(*(voter(wrong_in(third)) for third in range(3)))

    made = ensemble(predictions, {0, 1, 2})

    assert made is not None and made.score == 1.0
    assert len(made.weights) >= 2 and sum(made.weights.values()) == pytest.approx(1.0)
    assert made.gain == pytest.approx(1 / 3, abs=0.05)


def test_greedy_selection_finds_the_mix_that_is_best(predictions_of, labels):
    """Of the values the truth is two parts of the first trial and one of the second."""
    draw = np.random.default_rng(0)
    first, second, third = draw.normal(size=(3, COUNT, 1))
    truth = (2 * first + second)[:, 0] / 3
    targets = truth.tolist()
    trials = [stored(Regression(), targets, {"values": values}) for values in (first, second, third)]
    predictions = predictions_of(*trials, targets=targets, problem=Regression(), metric="r2")

    weights = select(predictions, predictions.rows, predictions.scores(predictions.rows))

    assert weights == pytest.approx({0: 2 / 3, 1: 1 / 3})


def test_an_ensemble_that_does_not_pay_is_not_taken(predictions_of, voter):
    draw = np.random.default_rng(0)
    good = np.where(np.arange(COUNT) % 10 == 0, 0.2, 0.8)
    guesses = [voter(draw.uniform(size=COUNT)) for _ in range(4)]

    assert ensemble(predictions_of(voter(good), *guesses), range(5)) is None


def test_copies_of_one_model_are_no_ensemble(predictions_of, voter):
    assert ensemble(predictions_of(*(voter(wrong_in(0)) for _ in range(3))), range(3)) is None


def test_no_more_members_are_taken_than_may_be(predictions_of, voter):
    draw = np.random.default_rng(0)
    many = [voter(np.clip(0.58 + 0.3 * draw.normal(size=COUNT), 0, 1)) for _ in range(9)]

    made = ensemble(predictions_of(*many), range(9))

    assert made is not None and 2 <= len(made.weights) <= MOST_MEMBERS


def test_only_trials_whose_models_are_there_are_taken(predictions_of, voter):
    predictions = predictions_of(*(voter(wrong_in(third)) for third in range(3)))

    made = ensemble(predictions, {0, 2})

    assert made is not None and set(made.weights) == {0, 2}
    assert ensemble(predictions, {0}) is None


@pytest.mark.parametrize("problem", [Classification(), MultiLabel(), Regression()], ids=lambda problem: problem.name)
def test_rows_that_cannot_be_halved_because_they_are_one_group_make_no_ensemble(predictions_of, labels, problem):
    draw = np.random.default_rng(0)
    if problem.name == "regression":
        targets = draw.normal(size=COUNT).tolist()
        trials = [stored(problem, targets, {"values": draw.normal(size=(COUNT, 1))}) for _ in range(3)]
    else:
        targets = [(name,) for name in labels] if problem.name == "multilabel" else labels
        chances = [draw.dirichlet((1, 1), size=COUNT) for _ in range(3)]
        trials = [stored(problem, targets, {"probabilities": chance}) for chance in chances]
    predictions = predictions_of(
        *trials, targets=targets, problem=problem, metric=problem.metric("").name, groups=["g"] * COUNT
    )

    assert ensemble(predictions, {0, 1, 2}) is None


def test_groups_stay_whole_when_the_rows_are_halved(predictions_of, voter):
    groups = [f"group-{n // 9}" for n in range(COUNT)]
    one, other = predictions_of(voter(wrong_in(0)), groups=groups).halves(seed=3)

    assert sorted([*one, *other]) == list(range(COUNT)) and 0 < len(one) < COUNT
    assert not {groups[row] for row in one} & {groups[row] for row in other}


def test_thresholds_are_those_of_the_common_answers():
    """Alone the first decides best at one half; the mean of both lies much lower, and so does its threshold."""
    targets = [("x",) if n % 3 == 0 else ("y",) if n % 3 == 1 else () for n in range(COUNT)]
    truth = np.array([["x" in target, "y" in target] for target in targets])
    sure = np.where(truth, 0.9, 0.1)
    faint = np.where(truth, 0.02, 0.001)
    draw = np.random.default_rng(0)
    muddled = np.where(draw.uniform(size=truth.shape) < 0.2, 1 - sure, sure)
    trials = [stored(MultiLabel(), targets, {"probabilities": array}) for array in (muddled, faint)]
    predictions = Predictions(
        [TaskTarget(problem="multilabel")], [MultiLabel()], rows_of(targets), dict(enumerate(trials)), whole=True
    )

    states = predictions.tuned({0: 0.1, 1: 0.9}, predictions.rows)

    assert (states[0].arrays["thresholds"] < 0.2).all()
    assert predictions.score({0: 0.1, 1: 0.9}, predictions.rows, states) > predictions.score({0: 1.0}, predictions.rows)


def test_trials_that_answer_in_other_terms_are_left_out(predictions_of, voter, labels):
    three = ["abc"[n % 3] for n in range(COUNT)]
    other = stored(Classification(), three, {"probabilities": np.full((COUNT, 3), 1 / 3)})

    assert predictions_of(voter(wrong_in(0)), other, voter(wrong_in(1))).trials == [0, 2]


def test_answers_that_differ_in_length_are_never_mixed(predictions_of, labels):
    texts = [stored(Classification(), labels, items=tuple(labels)) for _ in range(2)]

    assert ensemble(predictions_of(*texts), range(2)) is None


@pytest.fixture
def few(labels):
    """A function that makes the predictions of the first 40 rows from the probability of the true label in each."""

    def make(*trials):
        rows = rows_of(labels[:40])
        answers = {}
        for number, true in enumerate(trials):
            chance = np.where([name == "a" for name in labels[:40]], true, 1 - np.asarray(true))
            answers[number] = stored(
                Classification(), labels[:40], {"probabilities": np.stack([chance, 1 - chance], axis=1)}
            )
        return Predictions([TaskTarget(problem="classification")], [Classification()], rows, answers, whole=True)

    return make


def test_on_few_rows_the_best_backbones_count_alike_whichever_is_ahead(few):
    """Each is sure, and wrong in a few rows of its own."""
    predictions = few(*(np.where(np.arange(40) % 8 == wrong, 0.3, 0.8) for wrong in (0, 1, 2, 3)), np.full(40, 0.45))
    records = records_of(predictions, rows=40)

    made = choose_ensemble(predictions, records, EXPECTED, seed=0)

    assert made is not None and made.weights == pytest.approx({0: 1 / 3, 1: 1 / 3, 2: 1 / 3}) and made.gain is None
    assert len(made.weights) == ALIKE and tuple(likely(predictions, records, EXPECTED)) == (0, 1, 2)
    assert made.score == 1.0


def test_on_few_rows_a_backbone_has_one_place(few):
    predictions = few(*(np.where(np.arange(40) % 8 == wrong, 0.3, 0.8) for wrong in (0, 1, 2)))

    assert (
        choose_ensemble(predictions, records_of(predictions, rows=40, backbone="tiny/wide"), EXPECTED, seed=0) is None
    )


def test_on_few_rows_one_that_is_surely_right_is_not_mixed_with_guesses(few):
    predictions = few(np.full(40, 0.99), np.full(40, 0.5), np.full(40, 0.5))

    assert choose_ensemble(predictions, records_of(predictions, rows=40), EXPECTED, seed=0) is None
