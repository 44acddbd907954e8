"""What is frozen learns nothing, and answers while training as it does afterwards."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from autosft.contracts.recipe import Regular
from autosft.contracts.tensors import Batch, Encoder, LinearHead, Model
from autosft.testing.toy import ToyFamily, ToyStrategy
from autosft.testing.trials import quick_recipe
from autosft.training.loop import train
from autosft.training.model import ENCODER, build_model, last_blocks, train_only

STATISTICS = {"running_mean", "running_var", "num_batches_tracked"}


class Normed(Encoder):
    """Three blocks of a linear layer, a norm and dropout."""

    def __init__(self, numbers=4):
        super().__init__()
        self.widths = {"pooled": 4}
        for name, width in {"first": numbers, "second": 4, "third": 4}.items():
            self.add_module(name, nn.Sequential(nn.Linear(width, 4), nn.BatchNorm1d(4), nn.Dropout(0.5)))

    def forward(self, inputs):
        return {"pooled": self.third(self.second(self.first(inputs)))}


@pytest.fixture
def model():
    return Model(Normed(), [LinearHead(4, 2)])


@pytest.mark.parametrize(("fraction", "blocks"), [(0.01, 1), (0.33, 1), (0.6, 2), (1.0, 3)])
def test_the_last_blocks_are_those_nearest_to_the_output_and_one_at_least(model, fraction, blocks):
    names = last_blocks(model.encoder, fraction)
    assert {name.split(".")[0] for name in names} == set(["third", "second", "first"][:blocks])
    assert len(names) == 4 * blocks


def test_frozen_norms_and_dropout_stay_as_they_answer_while_the_rest_trains(model):
    train_only(model.encoder, last_blocks(model.encoder, 0.5))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.train()
    out = model(Batch(torch.randn(16, 4), (), (), torch.ones(16)))[0]
    assert not model.encoder.first(torch.randn(16, 4)).requires_grad, "it has no graph"
    out.sum().backward()
    changed = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {f"encoder.{block}.1.{name}" for block in ("second", "third") for name in STATISTICS}
    assert [model.encoder.first[2].training, model.encoder.third[2].training] == [False, True]


def test_what_learns_again_trains_again(model):
    train_only(model.encoder, ())
    assert not model.train().encoder.training and model.heads.training
    train_only(model.encoder, last_blocks(model.encoder, 1.0))
    assert all(part.training for part in model.train().modules())
    assert not any(part.training for part in model.eval().modules())


class NormedFamily(ToyFamily.__base__):
    """Toy encoders with batch norm."""

    prefix, curated, match = "tiny", ToyFamily.curated, ToyFamily.match

    def build(self, info, recipe, state, weights):
        return Normed(state.values["numbers"])


@pytest.mark.parametrize(
    ("origin", "statistics", "start", "kept"),
    [
        ("pretrained", "pretrained", False, True),
        ("pretrained", "batch", False, False),
        ("scratch", "pretrained", False, False),
        ("scratch", "pretrained", True, True),
    ],
)
def test_batch_norm_keeps_learned_statistics_unless_the_recipe_says_otherwise(
    trial, runtime, tmp_path, origin, statistics, start, kept
):
    encoder = Normed(trial.parts.states.backbone.values["numbers"]).state_dict()
    save_file({f"{ENCODER}{name}": tensor for name, tensor in encoder.items()}, tmp_path / "start.safetensors")
    made = quick_recipe("denoise") if start else None
    recipe = trial.parts.recipe.changed(regular=Regular(norm_statistics=statistics), start=made)
    info = trial.parts.info.model_copy(update={"origin": origin})
    parts = replace(trial.parts, family=NormedFamily(), info=info, recipe=recipe)
    trial = replace(trial, parts=parts, folder=tmp_path / "trials" / "1", start=tmp_path / "start.safetensors")
    before, after = (
        {name: tensor.clone() for name, tensor in model.encoder.first[1].state_dict().items()}
        for model in (build_model(trial.parts, runtime), train(trial, runtime, ToyStrategy()).model)
    )
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"weight", "bias"} | (set() if kept else STATISTICS), "weights learn in any case"
