"""`TimmFamily`: the models of timm (Wightman, 2019) as backbones. Knows neither data nor training."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, final

from autosft.api import BackboneFamily, BackboneInfo, Recipe, State, WeightFile
from autosft_image import local
from autosft_image.curated import BY_NAME, CURATED
from autosft_image.describe import describe
from autosft_image.network import drops_paths, measured, network_of, normalizes_batches

if TYPE_CHECKING:
    from autosft.api.tensors import Encoder

_MEASURED = 8
"""So many matches are measured; a skeleton takes up to half a second."""


@final
class TimmFamily(BackboneFamily):
    """Encoders of timm, without their classifiers."""

    prefix = "timm"
    rate = 0.3

    def ignores(self, info: BackboneInfo) -> frozenset[str]:
        """Drop-path where timm has no residual branches to drop; statistics of norms where there is no batch norm."""
        heard = {"regular.drop_path": drops_paths(info)}
        heard["regular.norm_statistics"] = info.origin == "pretrained" and normalizes_batches(info)
        return super().ignores(info) - {name for name, means in heard.items() if means}

    def curated(self) -> Sequence[BackboneInfo]:
        """Fifteen pretrained models of 3 to 88 million weights."""
        return CURATED

    def match(self, pattern: str) -> Sequence[BackboneInfo]:
        """The curated model of this name, or every pretrained model of timm that the pattern matches.

        A name without a tag, such as `"resnet50"`, means timm's default weights of that architecture.
        """
        if pattern in BY_NAME:
            return [BY_NAME[pattern]]
        import timm
        from timm.models import get_pretrained_cfg

        names = fnmatch.filter(timm.list_pretrained(), pattern)
        if not names and timm.is_model(pattern):
            default = get_pretrained_cfg(pattern)
            names = [f"{pattern}.{default.tag}"] if default and default.tag else []
        measure = len(names) <= _MEASURED
        return [info for name in names for info in _infos(name, measure=measure)]

    def local(self, path: Path) -> tuple[BackboneInfo, WeightFile] | None:
        """A folder as `timm.models.push_to_hf_hub` writes it, or a file `<timm name>.safetensors`, `.pth` or `.bin`."""
        return local.from_folder(path) if path.is_dir() else local.from_file(path)

    def version(self) -> str:
        """timm's, and its own."""
        return f"{metadata.version('timm')} 2"

    def build(self, info: BackboneInfo, recipe: Recipe, state: State, weights: WeightFile | None) -> Encoder:
        """A timm network without classifier; the rest of the weights must fit exactly."""
        from autosft.api.weights import load_weights
        from autosft_image.encoder import TimmEncoder

        network = network_of(info, recipe.regular.drop_path)
        if weights is not None:
            names = network.pretrained_cfg.get("classifier") or ()
            heads = (names,) if isinstance(names, str) else tuple(names)
            load_weights(network, weights, drop=[rf"{re.escape(name)}\." for name in heads])
        return TimmEncoder(network)


def _infos(name: str, *, measure: bool) -> Iterator[BackboneInfo]:
    """One info, or none where the hub has no weights under timm's own key names."""
    if name in BY_NAME:
        yield BY_NAME[name]
        return
    from timm.models import get_pretrained_cfg

    config = get_pretrained_cfg(name)
    if config is None or not (config.hf_hub_id or "").startswith("timm/") or config.hf_hub_filename:
        return
    info = describe(name, config.to_dict(), {"architecture": name.split(".")[0]}, hub=config.hf_hub_id or "")
    yield measured(info) if measure else info
