"""Rows of which some targets are missing: every problem learns from the rows that have its target, and no others."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from autosft.builtin.classification import Classification
from autosft.builtin.regression import Regression
from autosft.contracts.recipe import Regular
from autosft.contracts.rows import objects
from autosft.testing.toy import make_points, registry
from autosft.testing.trials import make_runtime, make_trial, points_task, quick_recipe
from autosft.training.evaluation import assess, evaluate, score_error
from autosft.training.loaders import Loader, training_batches
from autosft.training.loop import train
from autosft.training.losses import supervised
from autosft.training.model import build_model
from autosft.training.soup import greedy_soup


class Whole(Regression):
    """Regression whose loss is of a whole batch."""

    loss_per_row = False

    def loss(self, out, targets, state, recipe):
        return super().loss(out, targets, state, recipe).sum()

    def normalizer(self, targets):
        return len(targets)


@pytest.fixture(params=[Regression(), Whole()], ids=["rows", "whole"])
def trial(request, tmp_path):
    return halved(tmp_path, request.param)


def halved(tmp_path, second, **points):
    path = make_points(tmp_path / "clouds.points.json", rows=60, missing=["height"], **points)
    task = points_task(path, problems=["classification", "regression"])
    return make_trial(tmp_path / "trial", task, registry(Classification(), second), quick_recipe("toy"))


@pytest.fixture
def model(trial):
    model = build_model(trial.parts, make_runtime(trial))
    for head in model.heads:
        torch.nn.init.normal_(head.linear.weight)
    return model


def batch_of(trial, rows, **given):
    (batch,) = Loader(trial.parts, make_runtime(trial), rows, batch_size=len(rows), **given).epoch()
    return batch


def alone(trial, position):
    """The trial with one of its problems, and the model that goes with it, whose other head is left out."""
    states = replace(trial.parts.states, problems=(trial.parts.states.problems[position],))
    task = trial.parts.task.model_copy(update={"targets": trial.parts.task.targets[position : position + 1]})
    parts = replace(trial.parts, task=task, problems=(trial.parts.problems[position],), states=states)
    rows = trial.train.with_target(position)
    rows = rows.with_columns(targets=objects((target,) for target in rows.target(position)))
    return replace(trial, parts=parts, train=rows)


def slopes(model, losses, batch):
    """The gradients of all parts of a batch, added up as the loop does."""
    model.zero_grad()
    for part in batch if isinstance(batch, list) else [batch]:
        (losses(part) * (len(part) / len(part.whole or part))).backward()
    return torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in model.parameters()])


def test_gradients_are_those_of_the_rows_that_have_the_target_of_each_problem(trial, model):
    whole = slopes(model, supervised(trial.parts, model), batch_of(trial, trial.train))
    heads, added = model.heads, 0
    for position in range(2):
        one = alone(trial, position)
        assert len(one.train) == len(trial.train) or 10 < len(one.train) < 35
        model.heads = torch.nn.ModuleList([heads[position]])
        loss = supervised(one.parts, model)(batch_of(one, one.train))
        model.heads = heads
        added = added + slopes(model, lambda _, loss=loss: loss, batch_of(one, one.train))
    torch.testing.assert_close(whole, added)


@pytest.mark.parametrize("size", [1, 3, 7, 44])
def test_micro_batches_add_up_to_the_whole_batch(trial, model, size):
    batch, loss = batch_of(trial, trial.train), supervised(trial.parts, model)
    parts = list(batch.split(size))
    assert [len(part) for part in parts][:-1] == [size] * (len(parts) - 1)
    if size == 1:
        assert {part.count(1) for part in parts} == {0, 1}  # through one head goes no row
    torch.testing.assert_close(slopes(model, loss, parts), slopes(model, loss, batch))


def test_the_rows_of_a_part_keep_their_own_targets(trial):
    batch = batch_of(trial, trial.train)
    heights = {
        row.id: trial.parts.problems[1].encode([row.targets[1]], trial.parts.states.problems[1])
        for row in trial.train.with_target(1)
    }
    for part in (batch, *batch.split(4), batch.take([40, 3, 3, 7, 0, 12]), *batch.take(range(44)[::-1]).split(5)):
        having = range(len(part)) if part.having(1) is None else part.having(1).tolist()
        assert [part.rows[place] in heights for place in range(len(part))] == [p in having for p in range(len(part))]
        for place, target in zip(having, () if part.targets[1] is None else part.targets[1], strict=True):
            assert torch.equal(target[None], heights[part.rows[place]])


def test_a_batch_without_any_target_of_a_problem_teaches_the_others(trial, model):
    lacking = trial.train.take([target is None for target in trial.train.target(1)])
    before = slopes(model, supervised(trial.parts, model), batch_of(trial, lacking))
    assert before.any() and all(parameter.grad is None for parameter in model.heads[1].parameters())
    assert batch_of(trial, lacking).targets[1] is None


def test_rows_with_missing_targets_are_not_mixed(trial, runtime):
    with pytest.raises(TypeError, match="some targets are missing cannot be mixed"):
        next(training_batches(trial.with_recipe(regular=Regular(mixup=0.2)), make_runtime(trial)).epoch(0))


def test_validation_goes_by_the_rows_that_have_the_target(trial, model):
    runtime, rows = make_runtime(trial), trial.valid
    whole, there = evaluate(trial.parts, runtime, model, rows), rows.present(1)
    problems, metrics, loss = trial.parts.problems, ("accuracy", "r2"), 0.0
    scores = []
    for position, some in enumerate((np.arange(len(rows)), there)):
        outputs, targets = whole.outputs[position].take(some), rows.take(some).target(position)
        state = problems[position].tune(metrics[position], outputs, targets, trial.parts.states.problems[position])
        scores.append(problems[position].score("", outputs, targets, state))
        loss += problems[position].validation_loss(outputs, targets, state).mean()
    assert whole.score == pytest.approx(np.mean(scores)) and whole.loss == pytest.approx(loss)
    assert len(whole.outputs[1].arrays["values"]) == len(rows) > len(there)
    assert 0 < score_error(trial.parts, whole, rows) < 2
    lacking = np.setdiff1d(np.arange(len(rows)), there)
    few = assess(trial.parts, tuple(outputs.take(lacking) for outputs in whole.outputs), rows.take(lacking))
    assert few.states[1] is trial.parts.states.problems[1]  # nothing to tune by


def test_a_killed_trial_goes_on_with_missing_targets_and_ends_the_same(tmp_path, trial):
    from autosft.testing.conformance.promises import check_equal
    from autosft.testing.conformance.strategy import Killed
    from autosft.testing.toy import ToyStrategy

    runtime = replace(make_runtime(trial), micro_batch=3)
    whole = train(trial, runtime, ToyStrategy())

    def kill(_):
        raise Killed

    again = replace(trial, folder=tmp_path / "again")
    for _ in whole.epochs:
        with pytest.raises(Killed):
            train(again, runtime, ToyStrategy(), kill)
    resumed = train(again, runtime, ToyStrategy())
    check_equal(resumed.model, whole.model)
    assert resumed.evaluation.score == whole.evaluation.score > 0.5
    soup = greedy_soup(trial.parts, runtime, whole.model, [resumed.model.state_dict], trial.valid)
    assert soup.taken == ()


def test_rows_that_lack_a_target_are_drawn_as_often_as_the_mean_row_that_has_it(tmp_path):
    trial = halved(tmp_path, Regression(), classes=2)
    labels = [None if number % 3 == 0 else target for number, target in enumerate(trial.train.target(0))]
    heights = trial.train.target(1)
    targets = [(label, 1.0 if height is None else height) for label, height in zip(labels, heights, strict=True)]
    rows = trial.train.with_columns(targets=objects(targets))
    trial = replace(trial, train=rows).with_recipe(regular=Regular(balance="sampling"))
    sampling_weights = training_batches(trial, make_runtime(trial)).sampling_weights
    known = rows.present(0)
    lacking = np.setdiff1d(np.arange(len(rows)), known)
    assert len(lacking) and sampling_weights[lacking] == pytest.approx(sampling_weights[known].mean())
