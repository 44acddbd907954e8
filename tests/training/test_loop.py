"""The one loop: what it keeps, when it stops, and how it goes on."""

import math
import traceback
from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from autosft.contracts.recipe import Stop
from autosft.contracts.rows import Rows
from autosft.contracts.strategy import Strategy
from autosft.errors import Diverged, OutOfTime
from autosft.testing.toy import ToyStrategy
from autosft.training.evaluation import evaluate
from autosft.training.loop import train
from autosft.training.trained import Paused


class Killed(Exception):
    pass


class Changed(Strategy):
    """The toy strategy, with some fields of its stages changed."""

    name = "changed"

    def __init__(self, *changes):
        self.changes = changes

    def stages(self, trial, runtime, model):
        for change in self.changes:
            for stage in ToyStrategy().stages(trial, runtime, model):
                yield replace(stage, **change)


def _weights(trained):
    return trained.model.state_dict()


def _equal(first, second):
    return list(first) == list(second) and all(torch.equal(first[name], second[name]) for name in first)


def _killer(survives):
    """An observer that kills the trial after so many epochs."""
    seen = []

    def emit(epoch):
        seen.append(epoch)
        if len(seen) > survives:
            raise Killed

    return emit


def _tripped(runtime, at):
    """The seconds are up when they are asked for the `at`-th time."""
    asked = []

    def seconds_left():
        asked.append(None)
        return -1.0 if len(asked) >= at else math.inf

    return replace(runtime, seconds_left=seconds_left)


def test_the_best_weights_are_kept_and_not_the_last(trial, runtime, monkeypatch):
    """Scores rise to the third epoch and fall then; patience ends the stage two epochs later."""
    stop = Stop(max_epochs=9, patience=2)
    trial = trial.with_recipe(stop=stop)
    scores = iter([0.1, 0.2, 0.9, 0.5, 0.6, 0.7])
    real, seen = evaluate, []

    def scored(parts, runtime, model, rows, cached=False):
        seen.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        return replace(real(parts, runtime, model, rows), score=next(scores))

    with monkeypatch.context() as patch:
        patch.setattr("autosft.training.loop.evaluate", scored)
        trained = train(trial, runtime, ToyStrategy())
    assert [epoch.score for epoch in trained.epochs] == [0.1, 0.2, 0.9, 0.5, 0.6]
    assert trained.best == {"toy": 3}
    assert _equal(_weights(trained), seen[2]) and not _equal(_weights(trained), seen[4])


def test_one_seed_gives_one_model_and_another_seed_another(trial, runtime, tmp_path):
    first = _weights(train(trial, runtime, ToyStrategy()))
    again = _weights(train(replace(trial, folder=tmp_path / "again"), runtime, ToyStrategy()))
    other = replace(trial.with_recipe(seed=2), folder=tmp_path / "other")
    assert _equal(first, again)
    assert not _equal(first, _weights(train(other, runtime, ToyStrategy())))


@pytest.mark.parametrize("stages", [1, 2])
def test_a_trial_killed_after_every_epoch_ends_with_the_same_weights(trial, runtime, tmp_path, stages):
    strategy = Changed(*({"name": f"stage-{number}", "epochs": 3} for number in range(stages)))
    whole = train(trial, runtime, strategy)
    trial = replace(trial, folder=tmp_path / "killed")
    for done in range(len(whole.epochs)):
        with pytest.raises(Killed):
            train(trial, runtime, strategy, _killer(0))
        assert (trial.folder / "last.pt").exists(), f"no checkpoint after epoch {done + 1}"
    resumed = train(trial, runtime, strategy, _killer(0))
    assert _equal(_weights(whole), _weights(resumed))
    assert [(e.stage, e.number, e.loss, e.score) for e in resumed.epochs] == [
        (e.stage, e.number, e.loss, e.score) for e in whole.epochs
    ]


def test_a_trial_paused_at_every_rung_says_where_it_stands_and_ends_with_the_same_weights(trial, runtime, tmp_path):
    strategy = Changed({"name": "one", "epochs": 3}, {"name": "two", "epochs": 3})
    whole = train(trial, runtime, strategy)
    trial, seen = replace(trial, folder=tmp_path / "paused"), []
    for rung in (1, 2, 3, 4, 5):
        with pytest.raises(Paused) as pause:
            train(replace(trial, pause_after=rung), runtime, strategy, seen.append)
        assert pause.value.epochs == tuple(seen) and len(seen) == rung
        current = [epoch.score for epoch in seen if epoch.stage == seen[-1].stage]
        assert pause.value.score == max(current) and pause.value.trained == whole.trained
    resumed = train(replace(trial, pause_after=6), runtime, strategy, seen.append)

    assert _equal(_weights(whole), _weights(resumed)) and resumed.epochs == tuple(seen)
    assert [epoch.loss for epoch in seen] == [epoch.loss for epoch in whole.epochs]


def test_a_finished_trial_is_not_trained_again(trial, runtime):
    first = train(trial, runtime, ToyStrategy())
    again = train(trial, runtime, ToyStrategy(), _killer(0))
    assert _equal(_weights(first), _weights(again)) and again.epochs == first.epochs


def _cut(content):
    return content[: len(content) // 2]


def _flipped(content):
    place = len(content) // 3
    return content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :]


@pytest.mark.parametrize("damage", [_cut, _flipped])
@pytest.mark.parametrize(
    ("survives", "name", "again"),
    [(1, "last.pt", "one"), (4, "last.pt", "two"), (4, "stage-0.pt", "one"), (6, "stage-1.pt", "two")],
)
def test_a_damaged_checkpoint_costs_its_stage_and_is_noted(trial, runtime, tmp_path, damage, survives, name, again):
    """Three stages of three epochs; the trial is killed in one of them, a checkpoint damaged, and the trial goes on."""
    strategy = Changed(*({"name": name, "epochs": 3} for name in ("one", "two", "three")))
    trial = trial.with_recipe(stop=Stop(patience=9))
    whole = train(replace(trial, folder=tmp_path / "whole"), runtime, strategy)
    with pytest.raises(Killed):
        train(trial, runtime, strategy, _killer(survives))
    path = trial.folder / name
    path.write_bytes(damage(path.read_bytes()))
    seen = []

    def emit(epoch):
        seen.append((epoch.stage, epoch.number))
        if len(seen) in (1, 2):
            raise Killed

    for _ in range(2):
        with pytest.raises(Killed) as caught:
            train(trial, runtime, strategy, emit)
        (note,) = caught.value.__notes__
        assert note.startswith(f"stage '{again}' is trained anew") and f"{name}: damaged" in note
    resumed = train(trial, runtime, strategy, emit)

    assert seen[:3] == [(again, 1), (again, 2), (again, 3)] and seen[-1] == ("three", 3)
    assert resumed.notes == (note,) and whole.notes == ()
    assert _equal(_weights(whole), _weights(resumed))
    assert [epoch.loss for epoch in resumed.epochs] == [epoch.loss for epoch in whole.epochs]


def test_a_trial_killed_again_before_its_first_epoch_is_over_notes_the_damage_again(trial, runtime):
    with pytest.raises(Killed):
        train(trial, runtime, ToyStrategy(), _killer(1))
    (trial.folder / "last.pt").write_bytes(b"")
    for _ in range(2):
        with pytest.raises(OutOfTime) as caught:
            train(trial, _tripped(runtime, at=2), ToyStrategy())
        assert "last.pt: damaged" in caught.value.__notes__[0]


def test_a_loss_that_is_not_finite_ends_the_trial(trial, runtime):
    with pytest.raises(Diverged, match="loss is nan in stage 'toy', epoch 1, step 3"):
        train(
            trial,
            runtime,
            Changed({"loss": lambda batch: batch.weights.sum() * torch.tensor(math.nan, requires_grad=True)}),
        )


class Waits(TorchDispatchMode):
    """Counts how often a number is asked of a tensor. The counters of torch's optimizers lie on the CPU."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten._local_scalar_dense.default:
            self.count += not any("torch/optim" in frame.filename for frame in traceback.extract_stack())
        return func(*args, **(kwargs or {}))


def test_no_step_waits_for_the_device(trial, runtime):
    counts = []
    for size in (2, 32):
        optim = trial.parts.recipe.optim.model_copy(update={"batch_size": size, "clip": 1.0, "ema": 0.9})
        some = replace(trial.with_recipe(optim=optim, stop=Stop(max_epochs=1)), folder=trial.folder / str(size))
        with Waits() as waits:
            train(some, runtime, ToyStrategy())
        counts.append(waits.count)

    assert counts[0] == counts[1] > 0


def test_weights_that_are_not_finite_end_the_trial_at_validation(trial, runtime):
    def spoil():
        for parameter in stage_model.parameters():
            parameter.data.fill_(math.inf)

    stage_model = torch.nn.Linear(1, 1)

    class Spoiled(Strategy):
        name = "spoiled"

        def stages(self, trial, runtime, model):
            nonlocal stage_model
            stage_model = model
            short = replace(trial, train=trial.train[:8])
            yield from (replace(stage, after_step=spoil) for stage in ToyStrategy().stages(short, runtime, model))

    with pytest.raises(Diverged):
        train(trial, runtime, Spoiled())


def test_time_that_is_up_before_the_first_epoch_ends_the_trial_with_nothing(trial, runtime):
    with pytest.raises(OutOfTime, match="epoch 1, step 2 of 3"):
        train(trial, _tripped(runtime, at=3), ToyStrategy())
    assert not list(trial.folder.glob("*.pt"))


def test_time_that_is_up_at_the_very_start_makes_no_model_of_untrained_weights(trial, runtime):
    with pytest.raises(OutOfTime, match="before stage 'toy' had begun"):
        train(trial, replace(runtime, seconds_left=lambda: -1.0), ToyStrategy())
    assert not list(trial.folder.glob("*.pt"))


def test_time_that_is_up_later_keeps_the_best_so_far(trial, runtime, tmp_path):
    """Each epoch asks once at its head and once per step: four times with 45 rows in batches of 16."""
    whole = train(replace(trial, folder=tmp_path / "whole"), runtime, ToyStrategy())
    trained = train(trial, _tripped(runtime, at=11), ToyStrategy())
    assert len(trained.epochs) == 2
    assert [epoch.loss for epoch in trained.epochs] == [epoch.loss for epoch in whole.epochs[:2]]
    assert trained.evaluation.score == max(epoch.score for epoch in trained.epochs)


def test_no_epoch_starts_that_would_not_fit(trial, runtime):
    trained = train(trial, replace(runtime, seconds_left=lambda: 1e-9), ToyStrategy())
    assert len(trained.epochs) == 1


def test_replay_stops_each_stage_after_the_recorded_epochs(trial, runtime, tmp_path):
    strategy = Changed({"name": "one", "epochs": 4}, {"name": "two", "epochs": 4})
    rows = trial.train + trial.valid
    again = replace(trial, train=rows, valid=Rows.of(()), folder=tmp_path / "refit", replay={"one": 3, "two": 1})
    trained = train(again, runtime, strategy)
    assert [(epoch.stage, epoch.number, epoch.score) for epoch in trained.epochs] == [
        ("one", 1, None),
        ("one", 2, None),
        ("one", 3, None),
        ("two", 1, None),
    ]
    assert trained.evaluation is None and trained.best == {"one": 3, "two": 1}


def test_two_stages_of_one_name_are_refused(trial, runtime):
    with pytest.raises(ValueError, match="two stages named 'toy'"):
        train(trial, runtime, Changed({}, {}))


def test_micro_batches_train_the_same_model_as_whole_batches(trial, runtime, tmp_path):
    trial = trial.with_recipe(stop=Stop(max_epochs=2))
    whole = _weights(train(trial, runtime, ToyStrategy()))
    parts = _weights(train(replace(trial, folder=tmp_path / "parts"), replace(runtime, micro_batch=5), ToyStrategy()))
    for name in whole:
        torch.testing.assert_close(parts[name], whole[name], rtol=1e-3, atol=1e-4)


def test_the_final_evaluation_is_of_the_kept_weights(trial, runtime):
    trained = train(trial, runtime, ToyStrategy())
    assert trained.evaluation.score == trained.epochs[trained.best["toy"] - 1].score
    assert evaluate(trial.parts, runtime, trained.model, trial.valid).loss == trained.evaluation.loss


@pytest.mark.parametrize("size", [7, 11])
def test_the_loss_of_an_epoch_is_that_of_its_steps_where_memory_made_batches_smaller(trial, runtime, size):
    """Whole batches of seven or eleven rows, of which two fit at once; the last one has fewer parts than the others."""
    seen = []

    class Whole(Changed):
        def stages(self, trial, runtime, model):
            for stage in super().stages(trial, runtime, model):

                def loss(batch, stage=stage):
                    value = stage.loss(batch)
                    seen.append((len(batch), float(value.detach())))
                    return value

                yield replace(stage, loss=loss)

    trial = trial.with_recipe(optim=trial.parts.recipe.optim.model_copy(update={"batch_size": size}))

    (epoch,) = train(trial, replace(runtime, micro_batch=2), Whole({"divisible": 0, "epochs": 1})).epochs

    assert min(rows for rows, _ in seen) == 2 and epoch.loss == pytest.approx(sum(one for _, one in seen) / len(seen))
