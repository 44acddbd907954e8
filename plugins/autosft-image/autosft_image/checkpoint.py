"""From a file of weights to a state dict that fits a network, or an error that says why it does not."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autosft.contracts.backbone import WeightFile
from autosft.errors import BadWeights

if TYPE_CHECKING:
    from torch import Tensor, nn

_NESTS = ("state_dict_ema", "state_dict", "model_ema", "model")
"""Keys under which training scripts put the weights among other things; the averaged ones first, as timm does."""

_DERIVED = ("num_batches_tracked", "relative_position_index", "attention_bias_idxs", "attn_mask")
"""Buffers that follow from the architecture, or count; a file may have them or not."""

_SHOWN = 4
"""Keys that an error lists."""


def digest(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def load_into(network: nn.Module, file: WeightFile, classifiers: Collection[str]) -> None:
    """Put the weights of a file into a network without classifier.

    Raises:
        BadWeights: The file is damaged, was replaced, or does not fit.
    """
    tensors = _read(file)
    for pattern, replacement in file.rename:
        tensors = {re.sub(pattern, replacement, key): tensor for key, tensor in tensors.items()}
    heads = tuple(f"{name}." for name in classifiers)
    tensors = {key: tensor for key, tensor in tensors.items() if not key.startswith(heads)}
    wanted = network.state_dict()
    missing = [key for key in wanted if key not in tensors and not key.endswith(_DERIVED)]
    unexpected = [key for key in tensors if key not in wanted and not key.endswith(_DERIVED)]
    shared = {key: tensor for key, tensor in tensors.items() if key in wanted}
    reshaped = [
        f"{key} is {tuple(tensor.shape)} instead of {tuple(wanted[key].shape)}"
        for key, tensor in shared.items()
        if tensor.shape != wanted[key].shape
    ]
    if missing or unexpected or reshaped:
        words = _list("missing", missing) + _list("unexpected", unexpected) + _list("of another shape", reshaped)
        raise BadWeights(f"{file.path}: these are not the weights of this architecture: {'; '.join(words)}.")
    network.load_state_dict(shared, strict=False)


def _read(file: WeightFile) -> dict[str, Tensor]:
    path = Path(file.path)
    if not file.path or not path.is_file():
        raise BadWeights(f"{file.path or file.source}: there is no such file of weights.")
    if file.sha256 and digest(path) != file.sha256:
        raise BadWeights(f"{path}: its sha256 is not {file.sha256[:12]}…: damaged or replaced. Fetch it again.")
    try:
        return _tensors(_load(path), path)
    except BadWeights:
        raise
    except Exception as error:  # damaged files raise whatever their bytes provoke in zip, pickle or safetensors
        words = " ".join(str(error).split())[:200]
        raise BadWeights(f"{path}: cannot be read as weights ({type(error).__name__}: {words}).") from error


def _load(path: Path) -> Any:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    import torch

    return torch.load(path, map_location="cpu", weights_only=True)


def _tensors(content: Any, path: Path) -> dict[str, Tensor]:
    import torch

    for nest in _NESTS:
        if isinstance(content, Mapping) and isinstance(content.get(nest), Mapping):
            content = content[nest]
            break
    if not isinstance(content, Mapping) or not content:
        raise BadWeights(f"{path}: it holds no tensors by name.")
    if not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise BadWeights(f"{path}: it holds more than tensors; save the state dict alone.")
    return {str(key).removeprefix("module."): tensor for key, tensor in content.items()}


def _list(kind: str, keys: Sequence[str]) -> list[str]:
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return [f"{kind}: {', '.join(keys[:_SHOWN])}{more}"] if keys else []
