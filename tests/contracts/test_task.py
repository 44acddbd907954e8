"""What a task says of its targets: what they are called, where a recipe has their parameters, and what is scored."""

import pytest

from autosft.contracts.task import Hints, Task, TaskTarget
from autosft.errors import BadInput


def task_of(*targets):
    return Task(name="t", modality="points", data={}, targets=targets)


DIGIT = TaskTarget(name="digit", problem="classification", columns="y1", metric="accuracy")
SPEAKER = TaskTarget(name="speaker", problem="classification", columns="y2", metric="accuracy")
AGE = TaskTarget(problem="regression", columns="age", metric="r2")


def test_a_target_is_called_by_its_column_or_where_it_has_several_by_its_problem():
    assert TaskTarget(problem="classification").name == "label"
    assert AGE.name == "age"
    assert TaskTarget(problem="regression", columns=("x", "y")).name == "regression"
    assert TaskTarget.parse({"problem": "regression", "columns": ["x", "y"], "name": "place"}, "here").name == "place"


def test_names_are_unique_and_who_breaks_that_is_told_in_one_line():
    plain = task_of(DIGIT).plain()
    plain["targets"] = [target.plain() for target in (DIGIT, AGE, DIGIT)]

    with pytest.raises(BadInput) as caught:
        Task.parse(plain, "task.toml")

    assert str(caught.value) == "task.toml: targets: 2 targets are called 'digit'; give each a name of its own."


def test_one_column_cannot_be_two_targets_without_names():
    hints = Hints(targets=("age", "age"), problem="classification,regression")

    with pytest.raises(BadInput, match=r"--target age age names a column twice.* task\.toml"):
        hints.each()


def test_parameters_go_by_the_problem_or_where_it_has_several_targets_by_each():
    assert task_of(DIGIT, AGE).owners == ("classification", "regression")
    assert task_of(DIGIT, AGE, SPEAKER).owners == ("classification.digit", "regression", "classification.speaker")


def test_the_score_is_called_by_what_it_is():
    assert task_of(DIGIT).score_name == "accuracy"
    assert task_of(DIGIT, SPEAKER).score_name == "mean accuracy"
    assert task_of(DIGIT, AGE).score_name == "mean of accuracy and r2"
    heavy = AGE.model_copy(update={"weight": 3.0})
    assert task_of(DIGIT, heavy).score_name == "weighted mean of accuracy and r2"


def test_a_weight_is_above_zero():
    for weight in (0, -1, float("inf")):
        with pytest.raises(BadInput, match="weight"):
            TaskTarget.parse({"problem": "classification", "weight": weight}, "here")
