"""What the recipe says of optimizer and schedule has its effect on training, and a killed trial keeps to it."""

import math
from dataclasses import replace

import pytest
import torch

from autosft.contracts.recipe import Optim, Stop
from autosft.contracts.rows import Rows
from autosft.contracts.strategy import Strategy
from autosft.testing.toy import ToyStrategy
from autosft.training.loop import train
from autosft.training.model import build_model
from autosft.training.optim.average import decay_after
from autosft.training.stopping import Patience


def test_without_a_loss_patience_goes_by_the_score_alone():
    patience, stop = Patience(), Stop(patience=2)
    seen = [patience.improves(score, None, epoch, stop) for epoch, score in enumerate([0.5, 0.5, 0.7, 0.7, 0.6], 1)]
    assert seen == [True, False, True, False, False]
    assert patience.exhausted(stop) and (patience.score, patience.loss, patience.epoch) == (0.7, None, 3)


class Watched(Strategy):
    """The toy strategy; after each step it shows the model to a function."""

    name = "watched"

    def __init__(self, callback):
        self._callback = callback

    def stages(self, trial, runtime, model):
        for stage in ToyStrategy().stages(trial, runtime, model):
            yield replace(stage, after_step=lambda: self._callback(model))


class Stages(Strategy):
    """The toy strategy as stages of three epochs; only the one named "one" trains more than the head."""

    name = "stages"

    def __init__(self, *names):
        self._names = names

    def stages(self, trial, runtime, model):
        for name in self._names:
            for stage in ToyStrategy().stages(trial, runtime, model):
                parameters = stage.parameters if name == "one" else stage.parameters[-2:]
                yield replace(stage, name=name, epochs=3, parameters=parameters)


@pytest.fixture
def trained(trial, runtime, tmp_path):
    """A function that trains on with some fields of the optimizer's part changed: the model."""
    count = iter(range(100))

    def train_with(callback=lambda model: None, trial=trial, **optim):
        optim = Optim.model_validate({**trial.parts.recipe.optim.plain(), **optim})
        changed = replace(trial.with_recipe(optim=optim), folder=tmp_path / f"knob-{next(count)}")
        return train(changed, runtime, Watched(callback)).model

    return train_with


def _weights(model):
    return torch.cat([weight.detach().flatten() for weight in model.encoder.parameters() if weight.ndim > 1])


def test_l1_makes_small_weights_and_zeros_but_leaves_biases_alone(trained):
    plain, sparse = trained(), trained(l1=2.0)
    assert _weights(sparse).abs().mean() < 0.9 * _weights(plain).abs().mean()
    assert (_weights(sparse) == 0).sum() > 0 == (_weights(plain) == 0).sum()
    crushed = trained(l1=1e4)
    assert not _weights(crushed).any() and not crushed.heads[0].linear.weight.any()
    assert crushed.heads[0].linear.bias.all()


def test_l2_sp_keeps_the_encoder_near_its_start_and_lets_the_head_go(trained, trial, runtime):
    start = _weights(build_model(trial.parts, runtime))

    def moved(model):
        return (_weights(model) - start).norm()

    free, held = trained(), trained(l2_sp=1e5)
    assert moved(trained(l2_sp=30.0)) < 0.9 * moved(free)
    assert moved(held) < 0.01 * moved(free) and held.heads[0].linear.weight.norm() > 0.1


def test_l2_sp_means_nothing_to_an_encoder_that_knew_nothing(trained, trial):
    info = trial.parts.info.model_copy(update={"origin": "scratch"})
    scratch = replace(trial, parts=replace(trial.parts, info=info))
    assert torch.equal(_weights(trained(trial=scratch)), _weights(trained(trial=scratch, l2_sp=30.0)))


def test_the_average_of_the_weights_is_kept_and_not_the_last_ones(trained, trial):
    steps = []

    def callback(model):
        steps.append({name: weight.detach().clone() for name, weight in model.state_dict().items()})

    model = trained(callback, trial=replace(trial, valid=Rows.of(()), train=trial.train + trial.valid), ema=0.8)
    average = steps[0]
    for number, weights in enumerate(steps[1:], start=1):
        decay = min(0.8, (1 + number) / (10 + number))
        average = {name: decay * average[name] + (1 - decay) * weights[name] for name in average}
    assert len(steps) == 16
    for name, weight in model.state_dict().items():
        torch.testing.assert_close(weight, average[name])
        assert not torch.equal(weight, steps[-1][name])


def test_the_average_forgets_the_start_of_a_short_training():
    assert [decay_after(steps, 0.999) for steps in (0, 90, 10**6)] == [0.1, 0.91, 0.999]


def test_with_a_constant_rate_the_last_steps_are_as_large_as_the_others(trained):
    def last_step(schedule):
        seen = []
        trained(lambda model: seen.append(_weights(model).clone()), schedule=schedule, warmup=0.0)
        return float((seen[-1] - seen[-2]).norm())

    assert last_step("constant") > 10 * last_step("cosine")


def test_gradients_are_clipped_where_the_recipe_says_so(trained):
    def largest(clip):
        norms = []

        def callback(model):
            gradients = torch.cat([weight.grad.flatten() for weight in model.parameters()])
            norms.append(float(gradients.norm()))

        trained(callback, clip=clip)
        return max(norms)

    assert largest(0.01) == pytest.approx(0.01, rel=1e-3) and largest(0.0) > 0.1


def test_scores_that_hardly_rise_end_a_stage(trial, runtime):
    stop = Stop(max_epochs=9, patience=2, min_delta=1.0)
    trained = train(trial.with_recipe(stop=stop), runtime, ToyStrategy())
    assert len(trained.epochs) == 3
    assert trained.evaluation.score == max(epoch.score for epoch in trained.epochs)


def test_patience_begins_anew_when_the_score_has_risen_enough_over_several_epochs():
    def waited(scores, min_delta):
        patience, stop = Patience(), Stop(min_delta=min_delta)
        better = [patience.improves(score, 1.0, number, stop) for number, score in enumerate(scores, start=1)]
        assert patience.score == max(scores) and patience.epoch == len(scores) - better[::-1].index(True)
        return patience.waited

    assert [waited([0.5, 0.52, 0.54, 0.56][:count], 0.05) for count in (1, 2, 3, 4)] == [0, 1, 2, 0]
    assert [waited([0.5, 0.52, 0.51][:count], 0.0) for count in (1, 2, 3)] == [0, 0, 1]


def test_products_in_bfloat16_train_another_model_whose_answers_are_in_single_precision(trial, runtime, tmp_path):
    single = train(trial, runtime, ToyStrategy())
    mixed = train(replace(trial, folder=tmp_path / "mixed"), replace(runtime, precision="bfloat16"), ToyStrategy())
    before, after = _weights(single.model), _weights(mixed.model)
    assert after.dtype == torch.float32 and not torch.equal(before, after)
    assert (before - after).norm() < 0.2 * before.norm()
    with torch.autocast("cpu", torch.bfloat16):
        encoded = mixed.model.encoder(torch.ones(2, 4))
        assert encoded["pooled"].dtype == torch.bfloat16 and mixed.model.heads[0](encoded).dtype == torch.float32


class Killed(Exception):
    pass


def _kill(_):
    raise Killed


@pytest.mark.parametrize(
    "knob",
    [{"l1": 0.1}, {"l2_sp": 30.0}, {"ema": 0.9}, {"schedule": "constant"}, {"warmup": 0.0}, {"clip": 0.01}],
    ids=lambda knob: next(iter(knob)),
)
def test_a_trial_killed_after_every_epoch_ends_with_the_same_weights(trial, runtime, tmp_path, knob):
    trial = trial.with_recipe(optim=Optim(lr=1e-2, head_lr=5e-2, batch_size=16, **knob))
    _check_resumes(trial, runtime, tmp_path)


def test_a_trial_in_bfloat16_killed_after_every_epoch_ends_with_the_same_weights(trial, runtime, tmp_path):
    _check_resumes(trial, replace(runtime, precision="bfloat16"), tmp_path)


def _check_resumes(trial, runtime, tmp_path):
    whole = train(trial, runtime, Stages("one", "two"))
    trial = replace(trial, folder=tmp_path / "killed")
    for _ in whole.epochs:
        with pytest.raises(Killed):
            train(trial, runtime, Stages("one", "two"), _kill)
    resumed = train(trial, runtime, Stages("one", "two"), _kill)
    first, second = whole.model.state_dict(), resumed.model.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert [epoch.loss for epoch in resumed.epochs] == [epoch.loss for epoch in whole.epochs]


def _up_after(runtime, asked):
    """The seconds are up when they were asked for so many times."""
    left = iter([math.inf] * asked)
    return replace(runtime, seconds_left=lambda: next(left, -1.0))


@pytest.mark.parametrize("knob", [{}, {"ema": 0.9}], ids=["plain", "averaged"])
@pytest.mark.parametrize("asked", [12, 13, 15], ids=["at its head", "at its first step", "at its last step"])
def test_a_stage_without_time_for_one_epoch_is_left_out(trial, runtime, tmp_path, asked, knob):
    """An epoch asks once at its head and once per step, here three times."""
    optim = Optim.model_validate({**trial.parts.recipe.optim.plain(), **knob})
    trial = trial.with_recipe(optim=optim)
    alone = train(replace(trial, folder=tmp_path / "alone"), runtime, Stages("one"))
    both = train(trial, _up_after(runtime, asked), Stages("one", "two"))
    assert both.best == {**alone.best, "two": 0} and len(both.epochs) == 3 and both.trained == alone.trained
    assert both.notes == ("stage 'two' was left out: there was no time for its first epoch",)
    first, second = alone.model.state_dict(), both.model.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert both.evaluation.score == max(epoch.score for epoch in both.epochs)
    again = train(trial, runtime, Stages("one", "two"), _kill)
    assert (again.notes, again.best) == (both.notes, both.best)
