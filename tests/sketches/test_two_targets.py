"""Proves tasks of several targets of one problem: each has a head, a loss, a score, a weight and a name of its own."""

from dataclasses import replace

import pytest
import torch

from autosft.builtin.classification import Classification
from autosft.contracts.recipe import Recipe
from autosft.contracts.rows import objects
from autosft.contracts.task import Task, TaskTarget
from autosft.search.space import recipe_of
from autosft.testing.toy import ToyStrategy, make_points, registry
from autosft.testing.trials import make_runtime, make_trial, quick_recipe
from autosft.training.evaluation import assess, evaluate
from autosft.training.loaders import Loader
from autosft.training.loop import train
from autosft.training.losses import row_losses, supervised
from autosft.training.model import build_model
from autosft_strategies.probe import Probe

LOSSES = {"classification.cloud": {"loss": "focal"}, "classification.half": {"loss": "cross_entropy"}}


@pytest.fixture
def parts():
    made = registry(Classification())
    made.strategies["probe"] = Probe()
    return made


@pytest.fixture
def trial_of(tmp_path, parts):
    """A function that makes a trial of two classifications, of these weights."""
    path = make_points(tmp_path / "clouds.points.json", rows=80)

    def make(cloud=1.0, half=1.0, strategy="toy"):
        asked = (
            TaskTarget(name="cloud", problem="classification", columns="label", weight=cloud),
            TaskTarget(name="half", problem="classification", columns="side", metric="f1_macro", weight=half),
        )
        task = Task(name="points", modality="points", data={"file": str(path)}, targets=asked)
        recipe = quick_recipe(strategy, backbone="tiny/wide", epochs=6).changed(own=LOSSES)
        return make_trial(tmp_path / "trial", task, parts, recipe)

    return make


def only(trial, position):
    """The trial with one of its targets, of weight 1."""
    task = trial.parts.task
    target = task.targets[position].model_copy(update={"weight": 1.0})
    own = {"classification": trial.parts.recipe.of(task.owners[position])}
    recipe = trial.parts.recipe.changed(own=own)
    states = replace(trial.parts.states, problems=trial.parts.states.problems[position : position + 1])
    asked = task.model_copy(update={"targets": (target,)})
    parts = replace(trial.parts, task=asked, recipe=recipe, problems=trial.parts.problems[:1], states=states)
    rows = trial.valid
    return parts, rows.with_columns(targets=objects((one,) for one in rows.target(position)))


@pytest.mark.parametrize("strategy", [ToyStrategy(), Probe()])
def test_answers_go_by_the_names_of_targets(trial_of, parts, bundled, strategy):
    trial = trial_of(strategy=strategy.name)
    trained = train(trial, make_runtime(trial), strategy)
    assert trained.evaluation.score > 0.6

    predictor = bundled(parts, (trial, trained))

    rows = trial.valid
    answers = predictor.predict(list(rows.ref))
    assert {tuple(answer) for answer in answers} == {("cloud", "half")}
    assert {answer["cloud"] for answer in answers} <= set("abc")
    assert {answer["half"] for answer in answers} == {"left", "right"}
    outputs = predictor.outputs(rows)
    names = [*(f"cloud p({name})" for name in "abc"), "half p(left)", "half p(right)"]
    assert list(predictor.columns(outputs)) == names
    assert predictor.score(outputs, rows) == pytest.approx(trained.evaluation.score)


def test_the_parameters_of_a_problem_are_each_targets_own(trial_of):
    trial = trial_of()
    seen = [recipe.of("classification") for recipe in trial.parts.recipes]
    assert seen == [{"loss": "focal"}, {"loss": "cross_entropy"}]
    recipe = trial.parts.recipe
    assert isinstance(recipe, Recipe) and recipe_of(recipe.parameters(), 1).own == recipe.own


def test_weights_count_in_the_loss(trial_of):
    trial = trial_of(cloud=3.0, half=0.5)
    runtime = make_runtime(trial)
    model = build_model(trial.parts, runtime)
    for head in model.heads:
        torch.nn.init.normal_(head.linear.weight)
    (batch, *_) = Loader(trial.parts, runtime, trial.train).epoch()
    outs = model(batch)
    alone = []
    for position in range(2):
        part, _ = only(trial, position)
        alone.append(
            row_losses(part, outs[position : position + 1], replace(batch, targets=(batch.targets[position],)))
        )
    torch.testing.assert_close(row_losses(trial.parts, outs, batch), 3 * alone[0] + 0.5 * alone[1])
    assert supervised(trial.parts, model)(batch).item() == pytest.approx((3 * alone[0] + 0.5 * alone[1]).mean().item())


def test_weights_count_in_the_score_and_in_the_loss_of_validation(trial_of):
    trial = trial_of(cloud=3.0, half=1.0)
    runtime = make_runtime(trial)
    both = evaluate(trial.parts, runtime, build_model(trial.parts, runtime), trial.valid)
    alone = []
    for position in range(2):
        part, rows = only(trial, position)
        alone.append(assess(part, both.outputs[position : position + 1], rows))
    cloud, half = alone
    assert cloud.score != half.score
    assert both.score == pytest.approx((3 * cloud.score + half.score) / 4)
    assert both.loss == pytest.approx(3 * cloud.loss + half.loss)
