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
from autosft.testing.job import quick_recipe
from autosft.testing.toy import ToyStrategy
from autosft.training.checkpoint import save_checkpoint
from autosft.training.features import encode
from autosft.training.loaders import Loader
from autosft.training.loop import train
from autosft.training.losses import supervised
from autosft.training.model import build_model, parameter_groups
from autosft_strategies.probe import Probe


def denoise(job, model):
    """A stage whose decoder is outside the model."""
    decoder = nn.Linear(model.encoder.widths["pooled"], job.states.backbone.values["numbers"])

    def loss(batch):
        noisy, clean = batch.inputs
        return (decoder(model.encoder(noisy)["pooled"]) - clean).square().mean()

    return Stage(
        name="denoise",
        model=model,
        batches=Loader(job, job.unlabeled, ["strong", "none"], shuffle=True),
        loss=loss,
        parameters=[
            {"params": list(module.parameters()), "lr": 3e-3, "weight_decay": 0.0}
            for module in (model.encoder, decoder)
        ],
        epochs=3,
        keeps={"decoder": decoder},
    )


class Denoise(Strategy):
    """Pretraining alone."""

    name = "denoise"

    def stages(self, job, model):
        yield denoise(job, model)


class DenoiseThenTrain(Strategy):
    """Pretraining as part of each trial; the second stage draws a new head, which a resumed trial must draw alike."""

    name = "denoise_then_train"

    def stages(self, job, model):
        yield denoise(job, model)
        for head in model.heads:
            nn.init.normal_(head.linear.weight, std=0.1)
        yield Stage(
            name="train",
            model=model,
            batches=Loader(job, job.train, ["light"], shuffle=True),
            loss=supervised(job, model),
            parameters=parameter_groups(job, model),
            epochs=job.recipe.stop.max_epochs,
            valid=job.valid,
        )


class TestDenoiseThenTrain(StrategyConformance):
    @pytest.fixture
    def strategy(self):
        return DenoiseThenTrain()

    @pytest.fixture
    def recipe(self):
        return quick_recipe("denoise_then_train")


@pytest.fixture
def artifact(points_job, tmp_path):
    """Pretrained once, kept with the run."""
    job = points_job("denoise", Classification())
    trained = train(replace(job, folder=tmp_path / "run" / "shared" / "denoise"), Denoise())
    assert [epoch.score for epoch in trained.epochs] == [None] * 3
    assert trained.epochs[-1].loss < trained.epochs[0].loss
    encoder = trained.model.encoder.state_dict()
    save_checkpoint(tmp_path / "run" / "shared" / "denoise.pt", {"encoder": encoder})
    return encoder


@pytest.mark.parametrize("folder", ["", "refit"])
def test_later_trials_start_from_the_artifact(points_job, artifact, folder):
    job = points_job("toy", Classification(), trial=7)
    fresh = build_model(job).encoder.state_dict()
    job = replace(job, recipe=job.recipe.changed(start="shared/denoise.pt"), folder=job.folder / folder)
    started = build_model(job).encoder.state_dict()
    assert all(torch.equal(started[name], artifact[name]) for name in artifact)
    assert any(not torch.equal(started[name], fresh[name]) for name in artifact)
    assert train(job, ToyStrategy()).evaluation.score > 0.5


def test_what_was_encoded_before_is_not_taken_for_the_artifact_s(points_job, artifact):
    job = points_job("probe", Classification())
    before = encode(job, build_model(job).encoder, job.train)
    started = replace(job, recipe=job.recipe.changed(start="shared/denoise.pt"))
    after = encode(started, build_model(started).encoder, job.train)
    assert not torch.equal(before, after)
    assert train(started, Probe()).evaluation.score > 0.5


def test_a_missing_or_foreign_start_is_said_and_not_passed_over(points_job, artifact):
    job = points_job("toy", Classification())
    with pytest.raises(BadWeights, match=r"shared/none\.pt"):
        build_model(replace(job, recipe=job.recipe.changed(start="shared/none.pt")))
    wide = points_job("toy", Classification(), backbone="toy/wide")
    with pytest.raises(BadWeights, match="does not fit toy/wide"):
        build_model(replace(wide, recipe=wide.recipe.changed(start="shared/denoise.pt")))
