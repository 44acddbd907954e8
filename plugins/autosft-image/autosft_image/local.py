"""Weights that a user has at a path: a folder as timm writes it, or a file named after a timm model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from autosft.api import BackboneInfo, BadWeights, UnknownName, WeightFile
from autosft.api.weights import FILES, read_config, sha256_of_file, weights_in
from autosft_image.curated import ARCHITECTURES, BY_NAME
from autosft_image.describe import describe
from autosft_image.network import measured

_SUFFIXES = (".safetensors", ".pth", ".bin")


def from_folder(folder: Path) -> tuple[BackboneInfo, WeightFile] | None:
    """A folder with `config.json` (key `architecture`) and the weights; None if it is not timm's."""
    config = read_config(folder / "config.json")
    if config is None or not isinstance(config.get("architecture"), str):
        return None
    architecture = str(config["architecture"])
    _require_known(architecture, folder)
    weights = weights_in(folder)
    if weights is None:
        raise BadWeights(f"{folder}: config.json names {architecture}, but there is no {' or '.join(FILES)} beside it.")
    stated, arguments = config.get("pretrained_cfg") or {}, config.get("model_args") or {}
    if not isinstance(stated, dict) or not isinstance(arguments, dict):
        raise BadWeights(f"{folder / 'config.json'}: pretrained_cfg and model_args must be tables.")
    known = BY_NAME.get(f"{architecture}.{stated.get('tag')}")
    arguments = {"architecture": architecture, **arguments}
    info = describe(folder.resolve().name, {**_defaults(architecture, stated), **stated}, arguments)
    if known is None:
        info = measured(info)
    elif (known.arguments, known.inputs.options["size"]) == (info.arguments, info.inputs.options["size"]):
        figures = {"parameters": known.parameters, "gigaflops": known.gigaflops, "prior": known.prior}
        info = info.model_copy(update={**figures, "license": info.license or known.license})
    else:  # curated, but at another size
        info = measured(info).model_copy(update={"prior": known.prior})
    return info, _weight_file(weights, info)


def from_file(path: Path) -> tuple[BackboneInfo, WeightFile] | None:
    """A file `<timm name>.safetensors`, `.pth` or `.bin`; None if its name is no timm model's."""
    if path.suffix not in _SUFFIXES:
        return None
    info = BY_NAME.get(path.stem)
    if info is None:
        import timm
        from timm.models import get_pretrained_cfg

        architecture = path.stem.split(".")[0]
        if not timm.is_model(architecture):
            return None
        config = get_pretrained_cfg(path.stem, allow_unregistered=True)
        info = measured(describe(path.stem, config.to_dict() if config else {}, {"architecture": architecture}))
    info = info.model_copy(update={"pretrained": {}})
    return info, _weight_file(path, info)


def _weight_file(path: Path, info: BackboneInfo) -> WeightFile:
    return WeightFile(source="folder", path=str(path.absolute()), sha256=sha256_of_file(path), license=info.license)


def _require_known(architecture: str, folder: Path) -> None:
    if architecture in ARCHITECTURES:
        return
    import timm

    if not timm.is_model(architecture):
        error = UnknownName("timm architecture", architecture, timm.list_models())
        near = str(error).split(" Known:")[0]
        raise BadWeights(f"{folder}: {near} Correct config.json, or install the timm that has it.")


def _defaults(architecture: str, stated: dict[str, Any]) -> dict[str, Any]:
    """What timm knows of the architecture, for a config.json that does not say how images must be fed."""
    if {"input_size", "mean", "std", "pool_size"} <= stated.keys():
        return {}
    from timm.models import get_pretrained_cfg

    config = get_pretrained_cfg(architecture)
    return config.to_dict() if config else {}
