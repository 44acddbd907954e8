"""A member: one trained model in a folder, as its recipe, states and weights. Trials leave it, bundles hold it.

`model.safetensors` holds every weight, `states.safetensors` the arrays that parts learned, and `member.json` the rest,
with the sha256 of both. Nothing in it is pickled, and it needs no other weights.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save as save_arrays
from safetensors.torch import load_file, save

from autosft.contracts.document import sha256_of, write_whole
from autosft.contracts.state import State
from autosft.contracts.task import Task
from autosft.contracts.tensors import Model
from autosft.contracts.trial import Parts, Runtime, States
from autosft.deploy.bundle import MEMBER, MODEL, STATES, MemberDocument
from autosft.errors import BadBundle, BadInput
from autosft.host.registry import Registry
from autosft.training.model import build_model

CPU = torch.device("cpu")

WORDS = 300
"""Characters of what a part says of weights that it cannot take."""


def save_member(folder: Path, parts: Parts, model: Model, states: States) -> None:
    """Write a trained model, and states as they were tuned; `member.json` comes last: it means that all is there."""
    arrays: dict[str, Any] = {}
    plain = {
        "modality_state": states.modality.plain("modality", arrays),
        "backbone_state": states.backbone.plain("backbone", arrays),
        "problem_states": tuple(state.plain(f"problem-{n}", arrays) for n, state in enumerate(states.problems)),
    }
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in model.state_dict().items()}
    contents = {MODEL: save(tensors), STATES: save_arrays(arrays)}
    for name, content in contents.items():
        write_whole(folder / name, content)
    document = MemberDocument(
        recipe=parts.recipe,
        info=parts.info,
        license=parts.weights.license if parts.weights else "",
        **plain,
        files={name: sha256_of(content) for name, content in contents.items()},
    )
    document.sealed().write(folder / MEMBER)


def load_states(folder: Path) -> tuple[MemberDocument, States]:
    """The document and the states of a saved member.

    Raises:
        BadBundle: A file is missing or damaged.
    """
    try:
        document = MemberDocument.read(folder / MEMBER)
        arrays: dict[str, np.ndarray[Any, Any]] = load_arrays(folder / STATES)
        return document, States(
            modality=State.from_plain(document.modality_state, "modality", arrays),
            backbone=State.from_plain(document.backbone_state, "backbone", arrays),
            problems=tuple(
                State.from_plain(plain, f"problem-{n}", arrays) for n, plain in enumerate(document.problem_states)
            ),
        )
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, BadInput) as error:
        raise BadBundle(f"{folder}: the states cannot be read ({error}).") from error


def load_weights(folder: Path, device: torch.device = CPU) -> dict[str, torch.Tensor]:
    """The weights of a saved member.

    Raises:
        BadBundle: The file is missing or damaged.
    """
    try:
        return load_file(folder / MODEL, device=str(device))
    except (OSError, SafetensorError) as error:
        raise BadBundle(f"{folder}: the weights cannot be read ({error}).") from error


def load_member(folder: Path, task: Task, registry: Registry, device: torch.device) -> tuple[Parts, Model]:
    """The trained model and its parts.

    Raises:
        BadBundle: A file is missing or damaged.
        PartMissing: A part that the recipe names is not installed.
    """
    document, states = load_states(folder)
    if len(states.problems) != len(task.targets):
        raise BadBundle(f"{folder}: {len(states.problems)} states for {len(task.targets)} targets.")
    parts = Parts(
        task=task,
        recipe=document.recipe,
        modality=registry.modality(task.modality),
        family=registry.family(document.info.name),
        info=document.info,
        problems=registry.problems_of(task),
        weights=None,
        states=states,
    )
    strategy = registry.strategy(document.recipe.strategy)
    try:
        model = build_model(parts, Runtime(parts.modality.read, device))
        strategy.restore(model, load_weights(folder, device))
    except BadBundle:
        raise
    except Exception as error:  # a part may raise anything for a state or weights that it did not write
        words = " ".join(str(error).split())[:WORDS]
        raise BadBundle(
            f"{folder}: the weights cannot be put into {document.info.name} ({type(error).__name__}: {words})."
        ) from error
    return parts, model.to(device).eval()
