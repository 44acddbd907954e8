"""The default list of timm backbones. Figures only, compared with timm by a test; imports nothing heavy.

Small enough for a laptop, free to use, and different from each other: convolutions and transformers, learned from
labels, from labels of a larger teacher, from captions and from images alone. `prior` orders first trials: published
ImageNet-1k accuracy and breadth of pretraining, put on one scale by judgment.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from autosft.contracts.backbone import BackboneInfo, Inputs

_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))

DINOV2_SIDE = 224
"""DINOv2 models are published at 518 pixels, where even the small one costs 30 gigaflops and more. Its authors evaluate
them at 224 (Oquab et al., 2023); timm resamples the positions when the size is dynamic."""


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
    arguments: tuple[tuple[str, Any], ...] = ()


_TABLE = (
    # Tan and Le, 2019; Lite: ReLU6 and no squeeze-and-excitation
    _Entry("tf_efficientnet_lite0.in1k", 3.371008, 0.384, 0.44, norm=_HALF),
    _Entry("tf_efficientnet_lite1.in1k", 4.135680, 0.599, 0.47, side=240, crop=0.882, norm=_HALF),
    _Entry("tf_efficientnet_lite2.in1k", 4.811072, 0.858, 0.50, side=260, crop=0.89, norm=_HALF),
    _Entry("efficientnet_b0.ra_in1k", 4.007548, 0.385, 0.50),
    # Howard et al., 2019; Qin et al., 2024
    _Entry("mobilenetv3_large_100.ra_in1k", 4.202032, 0.215, 0.45),
    _Entry("mobilenetv4_conv_small.e2400_r224_in1k", 2.493024, 0.185, 0.42),
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
    # Oquab et al., 2023: from images alone
    _Entry(
        "vit_small_patch14_dinov2.lvd142m",
        22.056192,
        6.124,
        0.80,
        side=DINOV2_SIDE,
        crop=1.0,
        tokens=True,
        arguments=(("dynamic_img_size", True),),
    ),
    # Radford et al., 2021, trained on LAION-2B (Schuhmann et al., 2022): from captions
    _Entry("vit_base_patch16_clip_224.laion2b", 85.799424, 17.563, 0.78, crop=1.0, norm=_CLIP, tokens=True),
)


def _info(entry: _Entry) -> BackboneInfo:
    mean, std = entry.norm
    options = {
        "size": [3, entry.side, entry.side],
        "mean": list(mean),
        "std": list(std),
        "interpolation": "bicubic",
        "crop_pct": entry.crop,
        "fixed": entry.tokens,  # the plain transformers of the list take one size, the others any
    }
    return BackboneInfo(
        name=f"timm/{entry.name}",
        inputs=Inputs(kind="image", options=options),
        gives=frozenset({"pooled", "tokens" if entry.tokens else "maps"}),
        parameters=round(entry.megaweights * 1e6),
        gigaflops=entry.gigaflops,
        prior=entry.prior,
        pretrained={"hub": f"timm/{entry.name}"},
        license="Apache-2.0",
        arguments={"architecture": entry.name.split(".")[0], **dict(entry.arguments)},
    )


CURATED = tuple(map(_info, _TABLE))

BY_NAME = {info.name.removeprefix("timm/"): info for info in CURATED}

ARCHITECTURES = frozenset(str(info.arguments["architecture"]) for info in CURATED)
