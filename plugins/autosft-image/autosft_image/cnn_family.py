"""`CnnFamily`: small convolutional networks that know nothing but the training rows. For pictures that are unlike all
photographs, and for pretraining on rows without labels."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from importlib import metadata
from typing import TYPE_CHECKING, Any, final

from autosft.api import BackboneFamily, BackboneInfo, BadWeights, Inputs, Recipe, State, WeightFile

if TYPE_CHECKING:
    from autosft.api.tensors import Encoder

_INPUTS = Inputs(
    kind="image",
    options={
        "size": [3, 64, 64],
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "interpolation": "bicubic",
        "crop_pct": 1.0,
    },
)


def _info(name: str, parameters: int, gigaflops: float) -> BackboneInfo:
    return BackboneInfo(
        name=f"cnn/{name}",
        inputs=_INPUTS,
        gives=frozenset({"pooled", "maps"}),
        parameters=parameters,
        gigaflops=gigaflops,
        prior=0.1,
        origin="scratch",
        hides="values",
    )


NETWORKS = (_info("resnet", 1_232_944, 0.023), _info("vgg", 2_308_992, 0.155))


@final
class CnnFamily(BackboneFamily):
    """ResNet (He et al., 2016) and VGG (Simonyan and Zisserman, 2015), half as wide as those of the papers and with
    fewer layers, for pictures of 64 pixels; timm builds them."""

    prefix = "cnn"
    rate = 3.0

    def curated(self) -> Sequence[BackboneInfo]:
        """None: on photographs they take the time of pretrained encoders, so they are tried only if they are named."""
        return []

    def match(self, pattern: str) -> Sequence[BackboneInfo]:
        """Those that match."""
        return [info for info in NETWORKS if fnmatch.fnmatchcase(info.name.removeprefix("cnn/"), pattern)]

    def version(self) -> str:
        """timm's, and its own."""
        return f"{metadata.version('timm')} 1"

    def build(self, info: BackboneInfo, recipe: Recipe, state: State, weights: WeightFile | None) -> Encoder:
        """The network, with fresh weights."""
        from autosft_image.encoder import TimmEncoder

        if weights is not None:
            raise BadWeights(f"{weights.path}: {info.name} learns from scratch and takes no weights.")
        return TimmEncoder(_resnet() if info.name == "cnn/resnet" else _vgg())


def _resnet() -> Any:
    """Of four stages with a block each. Its stem keeps more of small pictures: three small convolutions, without
    pooling after them."""
    from timm.models.resnet import BasicBlock, ResNet

    block: Any = BasicBlock
    return ResNet(block, (1, 1, 1, 1), num_classes=0, stem_type="deep", stem_width=16, channels=(32, 64, 128, 256))


def _vgg() -> Any:
    """Of five stages, with batch norm (Ioffe and Szegedy, 2015) and pooling in the place of its two wide layers."""
    from timm.models.vgg import VGG
    from torch import nn

    layers = [32, "M", 64, "M", 128, 128, "M", 256, 256, "M", 256, 256, "M"]
    network = VGG(layers, num_classes=0, mlp_ratio=1 / 256, norm_layer=nn.BatchNorm2d)
    network.pre_logits = nn.Identity()
    network.num_features = network.head_hidden_size = 256
    return network
