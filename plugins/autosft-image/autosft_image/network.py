"""timm networks without classifier: built for real, or as a skeleton that is measured."""

from __future__ import annotations

from typing import Any

from autosft.contracts.backbone import BackboneInfo
from autosft.errors import BadWeights
from autosft_image.curated import CURATED

_RESAMPLES = {str(info.arguments["architecture"]): "dynamic_img_size" in info.arguments for info in CURATED}


def resamples(architecture: str) -> bool:
    """Whether timm can resample the positions of an architecture for any size: its plain vision transformers."""
    if architecture in _RESAMPLES:
        return _RESAMPLES[architecture]
    from timm.models import is_model, model_entrypoint

    if not is_model(architecture):
        return False
    return "dinov3" in architecture or model_entrypoint(architecture).__module__ == "timm.models.vision_transformer"


def network_of(info: BackboneInfo) -> Any:
    """The network with fresh weights.

    Raises:
        BadWeights: timm refuses the arguments.
    """
    import timm

    arguments = dict(info.arguments)
    architecture = str(arguments.pop("architecture"))
    # positions are made for the size that is fed, unless the arguments have another `img_size`
    overlay = {"input_size": tuple(info.inputs.options["size"])}
    arguments["num_classes"] = 0
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
