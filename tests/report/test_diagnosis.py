"""The figures on single rows are right, by counting or by scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from autosft.builtin.classification import Classification
from autosft.builtin.multilabel import MultiLabel
from autosft.builtin.regression import Regression
from autosft.contracts.problem import Outputs
from autosft.contracts.rows import Row, Rows
from autosft.contracts.section import Answers
from autosft.contracts.state import State
from autosft.report.diagnosis.calibration import Bin, calibration_of
from autosft.report.diagnosis.classes import diagnose_classes, suspicious_labels
from autosft.report.diagnosis.labels import diagnose_labels
from autosft.report.diagnosis.numbers import diagnose_numbers

CLASSES = ("a", "b", "c")


@pytest.fixture(scope="module")
def noisy():
    """300 rows of three classes; a fifth of the answers are wrong, and the class of ten rows was never trained on."""
    draw = np.random.default_rng(0)
    truth = draw.integers(0, 3, 300)
    scores = draw.normal(0, 1, (300, 3)) + 2 * np.eye(3)[truth]
    table = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    targets = [*(CLASSES[number] for number in truth[:290]), *["new"] * 10]
    rows = Rows.of(Row(f"row-{n}", n, (target,)) for n, target in enumerate(targets))
    outputs = Outputs({"probabilities": table})
    return Answers(Classification(), "valid", rows, targets, outputs, Classification().fit(list(CLASSES)))


def test_scores_of_classes_are_those_of_scikit_learn(noisy):
    found = diagnose_classes(noisy)

    names = [*CLASSES, "new"]
    expected = metrics.precision_recall_fscore_support(noisy.targets, noisy.decided(), labels=names, zero_division=0)
    lines = {line.name: line for line in found.lines}
    for place, name in enumerate(names):
        line = lines[name]
        scores = [line.precision, line.recall, line.f1, line.rows]
        assert scores == pytest.approx([column[place] for column in expected])
    assert (
        np.array(found.matrix).tolist()
        == metrics.confusion_matrix(noisy.targets, noisy.decided(), labels=names).tolist()
    )
    assert [line.f1 for line in found.lines] == sorted(line.f1 for line in found.lines)


def test_the_worst_mistakes_are_wrong_and_the_surest_of_them(noisy):
    found = diagnose_classes(noisy)

    sure = noisy.outputs.arrays["probabilities"].max(1)
    wrong = [n for n, (one, other) in enumerate(zip(noisy.targets, noisy.decided(), strict=True)) if one != other]
    expected = sorted(wrong, key=lambda place: -sure[place])[:12]
    assert [sample.row.id for sample in found.mistakes] == [f"row-{place}" for place in expected]
    assert all(sample.target != sample.answer for sample in found.mistakes)


def test_flipped_labels_are_suspicious():
    draw = np.random.default_rng(1)
    truth = draw.integers(0, 3, 400)
    scores = draw.normal(0, 1, (400, 3)) + 5 * np.eye(3)[truth]
    table = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    flipped = draw.choice(400, 20, replace=False)
    labels = truth.copy()
    labels[flipped] = (truth[flipped] + 1) % 3

    found = suspicious_labels(labels, table)

    assert len(set(found[:20]) & set(flipped)) >= 18 and len(found) < 40


def test_rows_of_a_class_that_was_never_trained_are_not_judged():
    assert suspicious_labels(np.array([0, 1, 2]), np.array([[0.9, 0.1], [0.1, 0.9], [0.9, 0.1]])).tolist() == []


def test_a_model_that_is_as_often_right_as_it_is_sure_has_no_error():
    sure, true = np.repeat([0.25, 0.75], 4), np.array([True, False, False, False, True, True, True, False])

    found = calibration_of(sure, true)

    assert found.error == 0 and found.bins == (Bin(0.25, 0.25, 4), Bin(0.75, 0.75, 4))


def test_a_model_that_is_too_sure_has_the_gap_as_its_error():
    found = calibration_of(np.full(10, 0.95), np.arange(10) < 7)

    assert found.error == pytest.approx(0.25)
    low, high = found.bins[0].between
    assert low < 0.7 < high and (low, high) == pytest.approx((0.397, 0.892), abs=0.001)  # Wilson, by hand


@pytest.mark.parametrize("truth", [[3.0], [2.0, 2.0], [1.0, 4.0, 2.0]])
def test_numbers_are_judged_as_they_are_scored_of_a_single_row_too(truth):
    problem, values = Regression(), np.array(truth)[:, None] + 1
    outputs, state = Outputs({"values": values}), State()
    rows = Rows.of(Row(f"row-{n}", n, (target,)) for n, target in enumerate(truth))

    (line,) = diagnose_numbers(Answers(problem, "valid", rows, truth, outputs, state, ("height",))).lines

    assert line.r2 == pytest.approx(problem.score("r2", outputs, truth, state))


@pytest.mark.parametrize("classes", [1, 3])
def test_scores_of_labels_are_those_of_scikit_learn(classes):
    draw, names = np.random.default_rng(2), np.array(["x", "y", "z"][:classes])
    truth = draw.random((80, classes)) < 0.3
    table = np.clip(0.5 * truth + draw.random((80, classes)), 0, 1)
    targets = [tuple(names[row]) for row in truth]
    problem, outputs = MultiLabel(), Outputs({"probabilities": table})
    rows = Rows.of(Row(f"row-{n}", n, (target,)) for n, target in enumerate(targets))

    found = diagnose_labels(Answers(problem, "valid", rows, targets, outputs, problem.fit(targets)))

    assert len(found.lines) == classes
    for line in found.lines:
        one, said = (column[:, list(names).index(line.name)] for column in (truth, table >= 0.5))
        scores = metrics.precision_recall_fscore_support(one, said, average="binary", zero_division=0.0)[:3]
        assert [line.precision, line.recall, line.f1, line.rows] == pytest.approx([*scores, one.sum()])
