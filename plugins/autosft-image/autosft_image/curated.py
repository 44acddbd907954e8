"""The default list of timm backbones. Figures only, compared with timm by a test; imports nothing heavy.

Small enough for a laptop, free to use, if not all under a usual licence, and different from each other: convolutions
and transformers, learned from labels, from labels of a larger teacher, from captions and from images alone. All take
other sizes too: timm resamples the positions of plain transformers where the size is dynamic. `prior` orders first
trials: published ImageNet-1k accuracy and breadth of pretraining, put on one scale by judgment.
"""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

from autosft.api import BackboneInfo, Inputs

_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_DINOV3 = "dinov3-license"
_CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))

DINO_SIDE = 224
"""DINOv2 models are published at 518 pixels, where even the small one costs 30 gigaflops and more, DINOv3 models at
256. Oquab et al. (2023) evaluate theirs at 224, the size of the others here."""


class _Entry(NamedTuple):
    """One line of the table; megaweights and gigaflops are those of the encoder without a classifier."""

    name: str
    megaweights: float
    gigaflops: float
    prior: float
    side: int = 224
    crop: float = 0.875
    norm: tuple[tuple[float, ...], tuple[float, ...]] = _IMAGENET
    tokens: bool = False
    license: str = "Apache-2.0"
    arguments: tuple[tuple[str, Any], ...] = ()


_TABLE = (
    # Tan and Le, 2019; Lite: ReLU6 and no squeeze-and-excitation
    _Entry("tf_efficientnet_lite0.in1k", 3.371008, 0.384, 0.44, norm=_HALF),
    _Entry("tf_efficientnet_lite1.in1k", 4.135680, 0.599, 0.47, side=240, crop=0.882, norm=_HALF),
    _Entry("tf_efficientnet_lite2.in1k", 4.811072, 0.858, 0.50, side=260, crop=0.89, norm=_HALF),
    # Howard et al., 2019
    _Entry("mobilenetv3_large_100.ra_in1k", 4.202032, 0.215, 0.45),
    # He et al., 2016, trained as by Wightman et al., 2021
    _Entry("resnet18.a1_in1k", 11.176512, 1.814, 0.38, crop=0.95),
    _Entry("resnet50.a1_in1k", 23.508032, 4.087, 0.50, crop=0.95),
    # Liu et al., 2022, on 12,000 classes first
    _Entry("convnext_nano.in12k_ft_in1k", 14.952560, 2.445, 0.66, crop=0.95),
    _Entry("convnext_tiny.in12k_ft_in1k", 27.820128, 4.455, 0.74, crop=0.95),
    # Wu et al., 2022: distilled on 22,000 classes
    _Entry("tiny_vit_5m_224.dist_in22k_ft_in1k", 5.071764, 1.255, 0.62, crop=0.95),
    _Entry("tiny_vit_21m_224.dist_in22k_ft_in1k", 20.621568, 4.250, 0.76, crop=0.95),
    # Touvron et al., 2022
    _Entry("deit3_small_patch16_224.fb_in22k_ft_in1k", 21.674496, 4.598, 0.68, crop=1.0, tokens=True),
    # Oquab et al., 2023; Siméoni et al., 2025, with the class token as there: from images alone
    _Entry(
        "vit_small_patch14_dinov2.lvd142m",
        22.056192,
        6.124,
        0.80,
        side=DINO_SIDE,
        crop=1.0,
        tokens=True,
        arguments=(("img_size", 518),),
    ),
    _Entry(
        "vit_small_patch16_dinov3.lvd1689m",
        21.586944,
        4.698,
        0.82,
        side=DINO_SIDE,
        crop=1.0,
        tokens=True,
        license=_DINOV3,
        arguments=(("global_pool", "token"),),
    ),
    _Entry("convnext_tiny.dinov3_lvd1689m", 27.820128, 4.455, 0.78, crop=1.0, license=_DINOV3),
    # Radford et al., 2021, trained on LAION-2B (Schuhmann et al., 2022): from captions. Patches of 16 pixels would be
    # better, and cost four times as much
    _Entry("vit_base_patch32_clip_224.laion2b", 87.456000, 4.408, 0.72, crop=0.9, norm=_CLIP, tokens=True),
)


def patch_options(architecture: str, side: int) -> dict[str, int]:
    """What a view must know of a transformer whose positions are resampled: sides are multiples of a patch, and at less
    than half of the usual one there would be too few patches."""
    patch = int((re.search(r"patch(\d+)", architecture) or ["", "32"])[1])
    return {"step": patch, "least": patch * math.ceil(side / 2 / patch)}


def _info(entry: _Entry) -> BackboneInfo:
    mean, std = entry.norm
    architecture = entry.name.split(".")[0]
    options = {
        "size": [3, entry.side, entry.side],
        "mean": list(mean),
        "std": list(std),
        "interpolation": "bicubic",
        "crop_pct": entry.crop,
        "fixed": False,
        **(patch_options(architecture, entry.side) if entry.tokens else {}),
    }
    arguments = {
        "architecture": architecture,
        **({"dynamic_img_size": True} if entry.tokens else {}),
        **dict(entry.arguments),
    }
    return BackboneInfo(
        name=f"timm/{entry.name}",
        inputs=Inputs(kind="image", options=options),
        gives=frozenset({"pooled", "tokens" if entry.tokens else "maps"}),
        parameters=round(entry.megaweights * 1e6),
        gigaflops=entry.gigaflops,
        prior=entry.prior,
        pretrained={"hub": f"timm/{entry.name}"},
        license=entry.license,
        arguments=arguments,
        hides="values",
    )


CURATED = tuple(map(_info, _TABLE))

BY_NAME = {info.name.removeprefix("timm/"): info for info in CURATED}

ARCHITECTURES = frozenset(str(info.arguments["architecture"]) for info in CURATED)
