"""Models: built from parts, frozen in part, and divided into parameter groups with layer decay."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

import torch

from autosft.contracts.recipe import Recipe
from autosft.contracts.tensors import Encoder, Model
from autosft.contracts.trial import Parts, Runtime, Trial
from autosft.errors import BadWeights
from autosft.training.optim.penalties import penalized
from autosft.training.seeds import seed_of

ENCODER = "encoder."
"""What the names of an encoder's weights begin with in a model."""


def build_model(parts: Parts, runtime: Runtime) -> Model:
    """The encoder with the weights that it comes with, and a fresh head per target, on the device.

    Raises:
        BadWeights: A weights file is damaged or does not fit.
    """
    torch.manual_seed(seed_of(parts.recipe.seed, "build"))
    encoder = parts.family.build(parts.info, parts.recipe, parts.states.backbone, parts.weights)
    heads = [
        problem.head(encoder.widths, state, recipe)
        for problem, state, recipe in zip(parts.problems, parts.states.problems, parts.recipes, strict=True)
    ]
    keeps_statistics = parts.pretrained and parts.recipe.regular.norm_statistics == "pretrained"
    return Model(encoder, heads, keeps_statistics=keeps_statistics).to(runtime.device)


def start_from(trial: Trial, encoder: Encoder) -> None:
    """Put the weights of the encoder that the trial starts from into its own.

    Raises:
        BadWeights: The weights are missing or damaged, or do not fit.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if trial.start is None:
        raise BadWeights("The encoder that the trial starts from is missing.")
    try:
        saved = load_file(trial.start)
        encoder.load_state_dict(
            {name.removeprefix(ENCODER): tensor for name, tensor in saved.items() if name.startswith(ENCODER)}
        )
    except (OSError, SafetensorError) as error:
        raise BadWeights(f"{trial.start}: cannot be read ({error}).") from error
    except RuntimeError as error:
        raise BadWeights(f"{trial.start}: does not fit {trial.parts.info.name} ({error}).") from error


def train_only(encoder: Encoder, names: Container[str]) -> None:
    """Let these parameters of an encoder learn, and no others.

    What lies before the first of them is run without a graph, and so without memory for gradients.

    Args:
        encoder: Whose parameters.
        names: Their names, as `Encoder.named_parameters` gives them.
    """
    for name, parameter in encoder.named_parameters():
        parameter.requires_grad = name in names


def last_blocks(encoder: Encoder, fraction: float) -> set[str]:
    """The names of the parameters in this fraction of the encoder's blocks, from the output on, but of one at least.

    Args:
        encoder: Whose blocks.
        fraction: From 0 to 1.
    """
    blocks = encoder.blocks()
    return {name for block in blocks[-max(1, round(fraction * len(blocks))) :] for name in block}


def parameter_groups(recipe: Recipe, model: Model) -> list[dict[str, Any]]:
    """The trainable parameters in groups, with the recipe's learning rates and weight decay.

    Each block of the encoder learns `layer_decay` times as fast as the next one towards the output; heads have a rate
    of their own. Norms and biases do not decay.

    Args:
        recipe: Has `optim.lr`, `optim.head_lr`, `optim.layer_decay` and `optim.weight_decay`.
        model: Whose parameters; those that are frozen are left out.
    """
    optim = recipe.optim
    named = dict(model.encoder.named_parameters())
    blocks = [[named[name] for name in names] for names in model.encoder.blocks()]
    layers = [(optim.lr * optim.layer_decay ** (len(blocks) - 1 - depth), block) for depth, block in enumerate(blocks)]
    layers.append((optim.head_lr, list(model.heads.parameters())))
    groups: list[dict[str, Any]] = []
    for rate, parameters in layers:
        trainable = [parameter for parameter in parameters if parameter.requires_grad]
        for decays in (True, False):
            members = [parameter for parameter in trainable if penalized(parameter) == decays]
            if members:
                groups.append({"params": members, "lr": rate, "weight_decay": optim.weight_decay if decays else 0.0})
    return groups
