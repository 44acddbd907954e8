"""What a teacher is asked, what it never sees, and that it disturbs nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from autosft.builtin.classification import Classification
from autosft.contracts.trial import TeacherModel
from autosft.errors import BadBundle, BadTeacher, OutOfTime
from autosft.testing.toy import make_points, registry
from autosft.testing.trials import make_runtime, make_teacher, make_trial, points_task, quick_recipe
from autosft.training.evaluation import answer
from autosft.training.folds import forget_checkpoints
from autosft.training.loaders import Loader
from autosft.training.seeds import seed_everything
from autosft.training.teacher import TAUGHT, Teacher, pseudo_labelled


@pytest.fixture
def trial(tmp_path):
    task = points_task(make_points(tmp_path / "clouds.points.json", rows=60))
    recipe = quick_recipe("toy").changed(own={"points": {"noise": 0.4}})
    trial = make_trial(tmp_path / "trial", task, registry(Classification()), recipe)
    return replace(trial, teacher=make_teacher(trial, tmp_path / "teacher"))


@pytest.fixture
def runtime(trial):
    return make_runtime(trial)


@pytest.fixture
def teacher(trial, runtime):
    return Teacher(trial, runtime)


def unloadable(model, error):
    def load():
        raise error

    return TeacherModel(model.trial, model.weight, load)


def test_it_answers_rows_without_targets_as_its_models_do_together(trial, runtime, teacher):
    (outputs,) = teacher.answers(trial.unlabeled)

    alone = [answer(parts, runtime, model, trial.unlabeled)[0] for parts, model in (m.load() for m in trial.teacher)]
    mean = sum(model.weight * one.arrays["probabilities"] for model, one in zip(trial.teacher, alone, strict=True))
    np.testing.assert_allclose(outputs.arrays["probabilities"], mean, rtol=1e-6)


def test_what_it_has_answered_it_is_not_asked_again_until_the_trial_is_over(trial, runtime, teacher):
    (before,) = teacher.answers(trial.unlabeled)
    gone = replace(trial, teacher=tuple(unloadable(model, BadBundle("gone")) for model in trial.teacher))

    (after,) = Teacher(gone, runtime).answers(trial.unlabeled)

    assert np.array_equal(before.arrays["probabilities"], after.arrays["probabilities"])
    assert (trial.folder / TAUGHT).exists()
    forget_checkpoints(trial)
    assert not (trial.folder / TAUGHT).exists()
    with pytest.raises(BadTeacher, match="Trial 0, on which this one builds: gone"):
        Teacher(gone, runtime).answers(trial.unlabeled)


def test_an_answer_that_is_damaged_is_given_anew(trial, teacher):
    (before,) = teacher.answers(trial.unlabeled)
    path = next((trial.folder / TAUGHT).glob("0-*/outputs.safetensors"))
    path.write_bytes(path.read_bytes()[:-1])

    (after,) = teacher.answers(trial.unlabeled)

    assert np.array_equal(before.arrays["probabilities"], after.arrays["probabilities"])


@pytest.mark.parametrize("part", ["train", "valid"])
def test_it_labels_no_row_that_has_a_target(trial, teacher, part):
    with pytest.raises(ValueError, match="rows without targets alone"):
        teacher.answers(getattr(trial, part))


def test_it_is_shown_no_validation_rows(trial, runtime, teacher):
    with pytest.raises(ValueError, match="no validation rows"):
        teacher.beside(Loader(trial.parts, runtime, trial.train + trial.valid[:1]))


def test_it_sees_what_the_student_sees(trial, runtime, teacher):
    loader = Loader(trial.parts, runtime, trial.train, ["strong"], shuffle=True, batch_size=7)
    batches = teacher.beside(loader)

    steps = list(batches.epoch(3))

    assert len(steps) == len(batches) == len(loader)
    for step, alone in zip(steps, loader.epoch(3), strict=True):
        student, *others = (step[name] for name in ("student", "trial 0", "trial 1"))
        assert torch.equal(student.inputs, alone.inputs) and student.rows == alone.rows and student.targets
        assert all(other.rows == student.rows and not other.targets for other in others)
        assert all(torch.equal(other.inputs, student.inputs) for other in others), (
            "with the noise of the student's recipe"
        )
        (answers,) = teacher.answer(step)
        assert answers["probabilities"].shape == (len(student), 3) and not answers["probabilities"].requires_grad


def test_whoever_asks_it_draws_as_if_it_had_not(trial, runtime, teacher):
    def drawn():
        return torch.rand(1).item(), np.random.random()

    seed_everything(5)
    plain = drawn()
    seed_everything(5)
    teacher.answers(trial.unlabeled)
    teacher.answer(next(teacher.beside(Loader(trial.parts, runtime, trial.train)).epoch(0)))
    assert drawn() == plain


def test_one_that_knows_other_labels_teaches_nobody(trial, runtime):
    parts = trial.parts
    state = replace(parts.states.problems[0], values={"classes": ["a", "b"], "counts": [1, 1]})
    other = replace(trial, parts=replace(parts, states=replace(parts.states, problems=(state,))))
    with pytest.raises(BadTeacher, match="knows other labels") as caught:
        Teacher(other, runtime).answers(trial.unlabeled)
    assert caught.value.trial == 0


def test_without_time_it_is_not_asked(trial, runtime):
    with pytest.raises(OutOfTime, match="20 rows without targets"):
        Teacher(trial, replace(runtime, seconds_left=lambda: -1.0)).answers(trial.unlabeled)


def test_rows_of_which_it_is_sure_have_its_answers_for_targets(trial, runtime, teacher):
    (outputs,) = teacher.answers(trial.unlabeled)
    probabilities = outputs.arrays["probabilities"]
    least = float(np.median(probabilities.max(1)))

    rows = pseudo_labelled(trial, runtime, least)

    sure = probabilities.max(1) >= least
    names = [("abc"[number],) for number in probabilities[sure].argmax(1)]
    assert sure.sum() == len(sure) / 2
    assert list(rows.id) == [row for row, kept in zip(trial.unlabeled.id, sure, strict=True) if kept]
    assert list(rows.targets) == names and len(pseudo_labelled(trial, runtime, 1.01)) == 0
