"""timm networks without classifier: built for real, or as a skeleton that is measured."""

from __future__ import annotations

import re
from typing import Any

from autosft.api import BackboneInfo, BadWeights
from autosft_image.curated import CURATED

_DROPS_PATHS = re.compile(
    r"(tf_)?(efficientnet|mobilenetv[2-4])|(wide_)?res(net|next)(v2)?_?\d|convnext|regnet|nfnet|tiny_vit|vit_|deit|beit|eva|swin"
)
"""How the names of architectures begin that have residual branches which timm drops when it is asked to."""

_NORMALIZES_BATCHES = re.compile(
    r"(?!.*_(s?gn|evos|bit|frn))((tf_)?(efficientnet|mobilenetv[1-4]|lcnet|mixnet)|(wide_|se|e?ca_?|sk)?res(net|next|nest)|regnet"
    r"|densenet|vgg\d+_bn|tiny_vit)"
)
"""How the names of the usual architectures begin that have batch norm."""

_ELSEWHERE = frozenset({"cache_dir", "checkpoint_path", "pretrained_cfg"})
"""Arguments by which timm reads other files. Descriptions come out of bundles, too, which nobody need trust."""

_RESAMPLES = {str(info.arguments["architecture"]): "dynamic_img_size" in info.arguments for info in CURATED}
"""Whether the curated architectures resample; timm need not be asked."""


def resamples(architecture: str) -> bool:
    """Whether timm can resample the positions of an architecture for any size: its plain vision transformers."""
    if architecture in _RESAMPLES:
        return _RESAMPLES[architecture]
    from timm.models import is_model, model_entrypoint

    if not is_model(architecture):
        return False
    return "dinov3" in architecture or model_entrypoint(architecture).__module__ == "timm.models.vision_transformer"


def drops_paths(info: BackboneInfo) -> bool:
    """Whether the network has residual branches that can be dropped (stochastic depth: Huang et al., 2016)."""
    return bool(_DROPS_PATHS.match(str(info.arguments.get("architecture", ""))))


def normalizes_batches(info: BackboneInfo) -> bool:
    """Whether the network is known to have batch norm."""
    return bool(_NORMALIZES_BATCHES.match(str(info.arguments.get("architecture", ""))))


def network_of(info: BackboneInfo, drop_path: float = 0.0) -> Any:
    """The network with fresh weights.

    Args:
        info: Which one.
        drop_path: Fraction of the deepest block's residual branches that are dropped while training.

    Raises:
        BadWeights: timm refuses the arguments.
    """
    import timm

    arguments = dict(info.arguments)
    architecture = str(arguments.pop("architecture"))
    if ":" in architecture or _ELSEWHERE & arguments.keys():
        raise BadWeights(f"{info.name}: {architecture} would be read from elsewhere; only timm's own are built.")
    # positions are made for the size that is fed, unless the arguments have another `img_size`
    overlay = {"input_size": tuple(info.inputs.options["size"])}
    arguments["num_classes"] = 0
    if drop_path:
        arguments["drop_path_rate"] = drop_path
    try:
        return timm.create_model(architecture, pretrained=False, pretrained_cfg_overlay=overlay, **arguments)
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        raise BadWeights(f"{info.name}: timm cannot build {architecture} ({error}).") from error


def measured(info: BackboneInfo) -> BackboneInfo:
    """The same description with its weights and multiply-adds counted, on a skeleton without memory."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("meta"):
        network = network_of(info).eval()
    weights = sum(parameter.numel() for parameter in network.parameters())
    counter = FlopCounterMode(display=False)
    try:
        with torch.no_grad(), counter:
            network(torch.empty(1, *info.inputs.options["size"], device="meta"))
        gigaflops = round(counter.get_total_flops() / 2e9, 3)  # two operations per multiply-add
    except Exception:  # a few models compute with values, which a skeleton has not: unknown is an honest answer
        gigaflops = 0.0
    return info.model_copy(update={"parameters": weights, "gigaflops": gigaflops})
