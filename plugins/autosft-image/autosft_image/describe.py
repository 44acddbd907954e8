"""From timm's own words for a model to a `BackboneInfo`. Knows its configuration's keys; builds nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autosft.api import BackboneInfo, Inputs
from autosft_image.curated import DINO_SIDE, patch_options
from autosft_image.network import resamples

_PRIOR = 0.4
"""Of a model that is not in the table of curated ones: somewhat less than of most that are."""

_SPDX = {
    "apache-2.0": "Apache-2.0",
    "mit": "MIT",
    "bsd-3-clause": "BSD-3-Clause",
    "cc-by-4.0": "CC-BY-4.0",
    "cc-by-nc-4.0": "CC-BY-NC-4.0",
    "unknown": "",
}


def describe(name: str, config: Mapping[str, Any], arguments: Mapping[str, Any], *, hub: str = "") -> BackboneInfo:
    """A model as its pretrained configuration has it.

    Args:
        name: The name without the family's prefix.
        config: The keys of timm's `PretrainedCfg`.
        arguments: The architecture, and what else `timm.create_model` takes.
        hub: The repository on the hub; empty if there is none.
    """
    architecture = str(arguments["architecture"])
    size = list(config.get("input_size") or (3, 224, 224))
    arguments = {**_dino_arguments(architecture, size[-1]), **arguments}
    if "_dinov" in architecture:
        size = [size[0], DINO_SIDE, DINO_SIDE]
    patches = patch_options(architecture, size[-1])
    if dynamic := resamples(architecture) and size[-1] % patches["step"] == 0:
        arguments = {"dynamic_img_size": True, **arguments}
    license = str(config.get("license") or "")
    return BackboneInfo(
        name=f"timm/{name}",
        inputs=Inputs(
            kind="image",
            options={
                "size": size,
                "mean": list(config.get("mean") or (0.485, 0.456, 0.406)),
                "std": list(config.get("std") or (0.229, 0.224, 0.225)),
                "interpolation": str(config.get("interpolation") or "bicubic"),
                "crop_pct": float(config.get("crop_pct") or 0.875),
                "fixed": bool(config.get("fixed_input_size")) and not dynamic,
                **(patches if dynamic else {}),
            },
        ),
        # a pool size is what timm states of models that end in a map
        gives=frozenset({"pooled", "maps" if config.get("pool_size") else "tokens"}),
        prior=_PRIOR,
        pretrained={"hub": hub} if hub else {},
        license=_SPDX.get(license, license),
        arguments=arguments,
        hides="values",
    )


def _dino_arguments(architecture: str, side: int) -> dict[str, Any]:
    """What a DINO is built with: the side that its positions were learned for; the class token, as its authors do."""
    if "_dinov3" in architecture:
        return {"global_pool": "token"}
    return {"img_size": side} if "_dinov2" in architecture else {}
