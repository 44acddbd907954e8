"""What strategies promise that make encoders for trials to start from."""

# ruff: noqa: D102 (the name of a test is its docstring)

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from autosft.contracts.record import Epoch
from autosft.contracts.rows import Rows
from autosft.contracts.strategy import Strategy
from autosft.contracts.trial import Runtime, Trial
from autosft.testing.conformance.promises import check_equal
from autosft.testing.conformance.strategy import AnyStrategy, Killed
from autosft.testing.toy import ToyStrategy
from autosft.testing.trials import quick_recipe
from autosft.training.loop import train
from autosft.training.model import ENCODER, build_model, start_from


class PretrainingConformance(AnyStrategy):
    """Checks, of a strategy that makes encoders for trials to start from, that its loss falls, that it looks at no
    target, and that killed and resumed it leaves the same encoder, from which trials start.

    A subclass gives the fixture `strategy`; `recipe` and `problems` where the defaults don't do.

    A check that fails names what would make trials start from another encoder than the search expects.
    """

    @pytest.fixture
    def pretraining(self, trial: Trial) -> Trial:
        """The trial as a search has it: there is nothing to validate on. Made of the other fixtures."""
        return replace(trial, valid=Rows.of(()))

    def test_it_says_what_it_makes_and_its_loss_falls(
        self, strategy: Strategy, pretraining: Trial, runtime: Runtime
    ) -> None:
        trained = train(pretraining, runtime, strategy)
        assert strategy.produces == "encoder" and not strategy.cheap and trained.evaluation is None
        assert trained.epochs[-1].loss < trained.epochs[0].loss

    def test_it_looks_at_no_target(
        self, strategy: Strategy, pretraining: Trial, runtime: Runtime, tmp_path: Path
    ) -> None:
        bare = Rows.of(replace(row, targets=()) for row in pretraining.train)
        blind = replace(pretraining, train=bare, folder=tmp_path / "blind")
        pair = [train(trial, runtime, strategy).model.encoder for trial in (pretraining, blind)]
        check_equal(*pair)

    def test_killed_after_every_epoch_it_leaves_the_same_encoder(
        self, strategy: Strategy, pretraining: Trial, runtime: Runtime, tmp_path: Path
    ) -> None:
        whole = train(pretraining, runtime, strategy)
        trial = replace(pretraining, folder=tmp_path / "killed")

        def kill(_: Epoch) -> None:
            raise Killed

        for _ in whole.epochs:
            with pytest.raises(Killed):
                train(trial, runtime, strategy, kill)
        check_equal(whole.model.encoder, train(trial, runtime, strategy, kill).model.encoder)

    def test_trials_start_from_what_it_leaves(
        self, strategy: Strategy, trial: Trial, pretraining: Trial, runtime: Runtime, tmp_path: Path
    ) -> None:
        made, fresh = train(pretraining, runtime, strategy).model, build_model(trial.parts, runtime).encoder
        tensors = {f"{ENCODER}{name}": tensor.contiguous() for name, tensor in made.encoder.state_dict().items()}
        save_file(tensors, tmp_path / "made.safetensors")
        recipe = quick_recipe("toy", backbone=trial.parts.info.name).changed(start=trial.parts.recipe)
        parts = replace(trial.parts, recipe=recipe)
        started = replace(trial, parts=parts, folder=tmp_path / "started", start=tmp_path / "made.safetensors")
        encoder = build_model(parts, runtime).encoder
        start_from(started, encoder)
        check_equal(encoder, made.encoder)
        pairs = zip(encoder.state_dict().values(), fresh.state_dict().values(), strict=True)
        assert any(not torch.equal(one, other) for one, other in pairs)
        trained = train(started, runtime, ToyStrategy())
        assert trained.evaluation is not None and trained.epochs
