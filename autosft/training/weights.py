"""Weights on disk: found in a folder or an installed package, and put into a network that they fit, or an error that
says why they do not.

For families of backbones. Whatever is not exactly what the network needs must be named by the family as to be left out:
a checkpoint that half fits trains, and nobody notices. Imports torch only when it loads.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autosft.contracts.backbone import WeightFile
from autosft.contracts.document import sha256_of_file
from autosft.errors import BadWeights

if TYPE_CHECKING:
    from torch import Tensor, nn

FILES = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin")
"""Names under which a folder holds its weights, the safer first; the second lists the parts of a large model."""

_NESTS = ("state_dict_ema", "state_dict", "model_ema", "model_state", "model")
"""Keys under which training scripts put the weights among other things; the averaged ones first, as timm does."""

_DERIVED = ("num_batches_tracked", "relative_position_index", "attention_bias_idxs", "attn_mask")
"""Endings of buffers that follow from the architecture, or count; a file may have them or not."""

_SHOWN = 4
"""Keys that an error lists."""


def weights_in(folder: Path) -> Path | None:
    """The file of weights in a folder, by the names in `FILES`; None if there is none."""
    return next((folder / name for name in FILES if (folder / name).is_file()), None)


def installed_file(package: str, file: str) -> Path | None:
    """Where a file of an installed distribution lies; None if there is no such distribution, or no such file in it.
    Nothing of it is imported."""
    try:
        path = Path(str(distribution(package).locate_file(file)))
    except PackageNotFoundError:
        return None
    return path if path.is_file() else None


def read_config(path: Path) -> dict[str, Any] | None:
    """A JSON table such as `config.json`; None if there is no such file, or something else in it.

    Raises:
        BadWeights: The file is no JSON.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise BadWeights(f"{path}: cannot be read as JSON ({error}).") from error
    return content if isinstance(content, dict) else None


def load_weights(
    network: nn.Module, file: WeightFile, *, drop: Sequence[str] = (), optional: Sequence[str] = _DERIVED
) -> None:
    """Put the weights of a file, or of the file in a folder, into a network; all of them, exactly.

    Args:
        network: Gets the weights, in its own precision.
        file: Where they lie. Its `rename` is applied to every key first; its `sha256` is that of the file.
        drop: Regular expressions; keys that begin with one, after renaming, are left out, such as a classifier's.
        optional: Endings of keys that the file or the network may lack.

    Raises:
        BadWeights: The file is damaged, was replaced, or does not fit.
    """
    path, tensors = _read(file)
    for pattern, replacement in file.rename:
        tensors = {re.sub(pattern, replacement, key): tensor for key, tensor in tensors.items()}
    tensors = {key: tensor for key, tensor in tensors.items() if not any(re.match(name, key) for name in drop)}
    wanted, spare = network.state_dict(), tuple(optional)
    missing = [key for key in wanted if key not in tensors and not key.endswith(spare)]
    unexpected = [key for key in tensors if key not in wanted and not key.endswith(spare)]
    shared = {key: tensor for key, tensor in tensors.items() if key in wanted}
    reshaped = [
        f"{key} is {tuple(tensor.shape)} instead of {tuple(wanted[key].shape)}"
        for key, tensor in shared.items()
        if tensor.shape != wanted[key].shape
    ]
    if missing or unexpected or reshaped:
        words = _list("missing", missing) + _list("unexpected", unexpected) + _list("of another shape", reshaped)
        raise BadWeights(f"{path}: these are not the weights of this architecture: {'; '.join(words)}.")
    network.load_state_dict(shared, strict=False)


def _read(file: WeightFile) -> tuple[Path, dict[str, Tensor]]:
    given = Path(file.path)
    path = weights_in(given) if file.path and given.is_dir() else given
    if not file.path or path is None or not path.is_file():
        raise BadWeights(f"{file.path or file.source}: there is no such file of weights.")
    if file.sha256 and sha256_of_file(path) != file.sha256:
        raise BadWeights(f"{path}: its sha256 is not {file.sha256[:12]}…: damaged or replaced. Fetch it again.")
    try:
        return path, _tensors(_load(path), path)
    except BadWeights:
        raise
    except Exception as error:  # damaged files raise whatever their bytes provoke in zip, pickle or safetensors
        words = " ".join(str(error).split())[:200]
        raise BadWeights(f"{path}: cannot be read as weights ({type(error).__name__}: {words}).") from error


def _load(path: Path) -> Any:
    if path.suffix == ".json":
        parts = sorted({str(part) for part in json.loads(path.read_text(encoding="utf-8"))["weight_map"].values()})
        return {key: tensor for part in parts for key, tensor in _load(path.parent / Path(part).name).items()}
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
