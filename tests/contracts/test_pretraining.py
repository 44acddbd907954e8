"""Proves stages without validation, `Stage.keeps` and `Recipe.start`: pretraining on unlabelled rows, paid for once.

A denoising autoencoder (Vincent et al., 2008). Its encoder is an artifact of the run, from which later trials start.
"""

from dataclasses import replace

import pytest
import torch
from torch import nn

from autosft.builtin.classification import Classification
from autosft.contracts.strategy import Stage, Strategy
from autosft.errors import BadWeights
from autosft.testing.conformance import StrategyConformance
from autosft.testing.toy import ToyStrategy
from autosft.testing.trials import quick_recipe
from autosft.training.checkpoint import save_checkpoint
from autosft.training.features import encode
from autosft.training.loaders import Loader
from autosft.training.loop import train
from autosft.training.losses import supervised
from autosft.training.model import build_model, parameter_groups, start_from
from autosft_strategies.probe import Probe


def denoise(trial, runtime, model):
    """A stage whose decoder is outside the model."""
    decoder = nn.Linear(model.encoder.widths["pooled"], trial.parts.states.backbone.values["numbers"])

    def loss(batch):
        noisy, clean = batch.inputs
        return (decoder(model.encoder(noisy)["pooled"]) - clean).square().mean()

    return Stage(
        name="denoise",
        model=model,
        batches=Loader(trial.parts, runtime, trial.unlabeled, ["strong", "none"], shuffle=True),
        loss=loss,
        parameters=[
            {"params": list(module.parameters()), "lr": 3e-2, "weight_decay": 0.0}
            for module in (model.encoder, decoder)
        ],
        epochs=3,
        keeps={"decoder": decoder},
    )


class Denoise(Strategy):
    """Pretraining alone."""

    name = "denoise"

    def stages(self, trial, runtime, model):
        yield denoise(trial, runtime, model)


class DenoiseThenTrain(Strategy):
    """Pretraining as part of each trial; the second stage draws a new head, which a resumed trial must draw alike."""

    name = "denoise_then_train"

    def stages(self, trial, runtime, model):
        yield denoise(trial, runtime, model)
        for head in model.heads:
            nn.init.normal_(head.linear.weight, std=0.1)
        yield Stage(
            name="train",
            model=model,
            batches=Loader(trial.parts, runtime, trial.train, ["light"], shuffle=True),
            loss=supervised(trial.parts, model),
            parameters=parameter_groups(trial.parts.recipe, model),
            epochs=trial.parts.recipe.stop.max_epochs,
            valid=trial.valid,
        )


class TestDenoiseThenTrain(StrategyConformance):
    @pytest.fixture
    def strategy(self):
        return DenoiseThenTrain()

    @pytest.fixture
    def recipe(self):
        return quick_recipe("denoise_then_train")


@pytest.fixture
def artifact(points_trial, runtime, tmp_path):
    """Pretrained once, kept with the run."""
    trial = points_trial("denoise", Classification())
    trained = train(replace(trial, folder=tmp_path / "run" / "shared" / "denoise"), runtime, Denoise())
    assert [epoch.score for epoch in trained.epochs] == [None] * 3
    assert trained.epochs[-1].loss < trained.epochs[0].loss
    encoder = trained.model.encoder.state_dict()
    save_checkpoint(tmp_path / "run" / "shared" / "denoise.pt", {"encoder": encoder})
    return encoder


@pytest.mark.parametrize("folder", ["", "refit"])
def test_later_trials_start_from_the_artifact(points_trial, runtime, artifact, folder):
    trial = points_trial("toy", Classification(), trial=7)
    fresh = build_model(trial.parts, runtime).encoder.state_dict()
    trial = replace(trial.with_recipe(start="shared/denoise.pt"), folder=trial.folder / folder)
    encoder = build_model(trial.parts, runtime).encoder
    start_from(trial, encoder)
    started = encoder.state_dict()
    assert all(torch.equal(started[name], artifact[name]) for name in artifact)
    assert any(not torch.equal(started[name], fresh[name]) for name in artifact)
    assert train(trial, runtime, ToyStrategy()).evaluation.score > 0.5


def test_what_was_encoded_before_is_not_taken_for_the_artifact_s(points_trial, runtime, artifact):
    trial = points_trial("probe", Classification())
    before = encode(trial.parts, runtime, build_model(trial.parts, runtime).encoder, trial.train)
    started = trial.with_recipe(start="shared/denoise.pt")
    encoder = build_model(started.parts, runtime).encoder
    start_from(started, encoder)
    after = encode(started.parts, runtime, encoder, trial.train)
    assert not torch.equal(before, after)
    assert train(started, runtime, Probe()).evaluation.score > 0.5


def test_a_missing_or_foreign_start_is_said_and_not_passed_over(points_trial, runtime, artifact):
    trial = points_trial("toy", Classification())
    with pytest.raises(BadWeights, match=r"shared/none\.pt"):
        train(trial.with_recipe(start="shared/none.pt"), runtime, ToyStrategy())
    wide = points_trial("toy", Classification(), backbone="toy/wide")
    with pytest.raises(BadWeights, match="does not fit toy/wide"):
        train(wide.with_recipe(start="shared/denoise.pt"), runtime, ToyStrategy())
