"""`Classification` keeps the contract of a problem."""

import numpy as np
import pytest

from autosft.builtin.classification import Classification
from autosft.contracts.problem import Outputs
from autosft.errors import BadInput
from autosft.testing.conformance import ProblemConformance


class TestClassification(ProblemConformance):
    @pytest.fixture
    def problem(self):
        return Classification()

    @pytest.fixture
    def targets(self):
        return ["ant", "bee", "cat", "bee", "ant", "cat", "ant"]


def test_a_single_class_is_refused():
    with pytest.raises(BadInput, match="'only'"):
        Classification().fit(["only", "only"])


def test_a_label_without_training_rows_is_always_wrong_and_never_fatal():
    problem = Classification()
    state = problem.fit(["a", "b"])
    answers = Outputs(("1", "2"), {"probabilities": np.array([[0.9, 0.1], [0.9, 0.1]])})
    assert problem.encode(["a", "new"], state).tolist() == [0, -1]
    assert problem.score("accuracy", answers, ["a", "new"], state) == 0.5
    assert all(np.isfinite(problem.score(metric, answers, ["a", "new"], state)) for metric in problem.metrics)


def test_labels_of_several_types_meet_as_text():
    problem = Classification()
    state = problem.fit([1, "1", 2])
    assert state.values == {"classes": ["1", "2"], "counts": [2, 1]}
