"""Students of earlier trials: what is promised of every strategy, who teaches them what, and how much it counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from autosft.api import Facts
from autosft.builtin.classification import Classification
from autosft.builtin.multilabel import MultiLabel
from autosft.builtin.regression import Regression
from autosft.testing.conformance import StrategyConformance
from autosft.testing.toy import make_points, registry
from autosft.testing.trials import default_recipe, make_runtime, make_teacher, make_trial, points_task
from autosft.training.model import build_model
from autosft.training.pseudo_labels import noted_pseudo_labels
from autosft_semisupervised.distillation import Distill
from autosft_semisupervised.selftraining import SelfTraining
from autosft_semisupervised.taught import TAUGHT, Taught


class TestSelfTraining(StrategyConformance):
    """Among others: killed after every epoch, it ends with the same weights."""

    @pytest.fixture
    def strategy(self):
        return SelfTraining()

    @pytest.fixture
    def recipe(self, strategy):
        """At rates at which toys learn."""
        recipe = default_recipe(strategy, "tiny/wide")
        return recipe.changed(optim=recipe.optim.model_copy(update={"lr": 1e-2, "head_lr": 5e-2, "batch_size": 8}))


class TestDistill(StrategyConformance):
    """Among others: killed after every epoch, it ends with the same weights."""

    @pytest.fixture
    def strategy(self):
        return Distill()

    @pytest.fixture
    def recipe(self, strategy):
        """At rates at which toys learn."""
        recipe = default_recipe(strategy, "tiny/wide")
        stop = recipe.stop.model_copy(update={"max_epochs": 4})
        return recipe.changed(optim=recipe.optim.model_copy(update={"lr": 1e-2, "head_lr": 5e-2}), stop=stop)


@pytest.fixture
def student(tmp_path):
    """A function from a strategy and problems to a trial that two toys teach."""

    def make(strategy, *problems):
        task = points_task(make_points(tmp_path / "clouds.points.json", rows=60), problems=[p.name for p in problems])
        trial = make_trial(tmp_path / "trial", task, registry(*problems), default_recipe(strategy, "tiny/wide"))
        return replace(trial, teacher=make_teacher(trial, tmp_path / "teacher"))

    return make


@pytest.mark.parametrize("strategy", [SelfTraining(), Distill()])
def test_classes_several_labels_and_numbers_can_be_taught(strategy, student):
    trial = student(strategy, Classification())
    problems = [Classification(), MultiLabel(), Regression()]
    assert strategy.accepts(Facts(), trial.parts.info, problems) == ""


def test_rows_without_labels_alone_are_taught_and_no_validation_row_is_among_them(student):
    strategy = SelfTraining()
    trial = student(strategy, Classification())
    runtime = make_runtime(trial)
    *_, stage = strategy.stages(trial, runtime, build_model(trial.parts, runtime))
    seen = {row for step in stage.batches.epoch(1) for row in step[TAUGHT].rows}
    assert seen == set(trial.unlabeled.id) and not seen & {*trial.valid.id, *trial.train.id}


def test_an_answer_counts_by_its_sureness_and_the_square_of_the_agreement(student):
    trial = student(SelfTraining(), Classification())
    runtime = make_runtime(trial)
    taught, few = Taught(trial, runtime), trial.unlabeled[:5]
    from autosft.training.evaluation import answer

    each, weights = [], []
    for member in trial.teacher:
        parts, model = member.load()
        each.append(answer(parts, runtime, model, few)[0].arrays["probabilities"])
        weights.append(member.weight)
    mean = np.average(each, axis=0, weights=weights)
    agreement = sum(w * (one.argmax(1) == mean.argmax(1)) for one, w in zip(each, weights, strict=True))

    out = torch.zeros(len(few), mean.shape[1])  # all classes alike
    batch = type("Rows", (), {"rows": tuple(few.id)})
    divergence = (mean * np.log(mean * mean.shape[1])).sum(1)
    np.testing.assert_allclose(
        taught.losses([out], batch), divergence * mean.max(1) * agreement**2, rtol=1e-3, atol=1e-5
    )
    assert sum(noted_pseudo_labels(trial.folder).values()) == len(trial.unlabeled)
