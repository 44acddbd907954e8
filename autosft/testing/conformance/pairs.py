"""What a problem and a strategy owe each other: what they train together answers, is saved, asked again."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load, save

from autosft.contracts.outputs import StoredOutputs
from autosft.contracts.scoring import mean_score
from autosft.contracts.strategy import Strategy
from autosft.contracts.trial import Trial
from autosft.host.loading import load as load_plugins
from autosft.testing.conformance.promises import check_plain
from autosft.testing.toy import ToyStrategy
from autosft.testing.trials import make_runtime
from autosft.training.evaluation import answer
from autosft.training.loop import train
from autosft.training.model import build_model


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Equal to the bit holds for one number of threads, and a toy is fastest with one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def trainers() -> dict[str, Strategy]:
    """The installed strategies that leave a model, and the toy, which trains everything."""
    toy = ToyStrategy()
    installed = load_plugins().strategies
    return {toy.name: toy, **{name: one for name, one in installed.items() if one.produces == "model"}}


def check_pair(trial: Trial, strategy: Strategy, folder: Path) -> None:
    """Train, and go the way of a trained model: its answers are stored, decided and scored, its weights saved and put
    into a new one, which answers the same."""
    with one_thread():
        parts, runtime = trial.parts, make_runtime(trial)
        trained = train(trial, runtime, strategy)
        assert trained.evaluation is not None and math.isfinite(trained.evaluation.score)
        stored = StoredOutputs(trial.valid, trained.evaluation.outputs, trained.evaluation.states)
        stored.write(folder)
        again = StoredOutputs.read(folder, trial.valid.columns)
        targets = [trial.valid.target(position) for position in range(len(parts.problems))]
        score = mean_score(parts.task.targets, parts.problems, again.outputs, targets, again.states)
        assert math.isfinite(score), "its answers have no score after they were stored"
        for problem, outputs, state in zip(parts.problems, again.outputs, again.states, strict=True):
            decided = list(problem.decide(outputs, state))
            assert len(decided) == len(trial.valid)
            check_plain(decided)
        saved = save({name: tensor.contiguous().clone() for name, tensor in trained.model.state_dict().items()})
        fresh = build_model(parts, runtime)
        strategy.restore(fresh, load(saved))
        before, after = (answer(parts, runtime, model, trial.valid) for model in (trained.model, fresh))
        for one, other in zip(before, after, strict=True):
            assert one.items == other.items
            for name, array in one.arrays.items():
                np.testing.assert_array_equal(other.arrays[name], array, "saved weights give other answers")
