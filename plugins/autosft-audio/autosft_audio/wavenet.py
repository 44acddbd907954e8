"""`WaveNetFamily`: a small network of dilated convolutions that learns from scratch."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, final

from autosft.api import BackboneFamily, BackboneInfo, BadWeights, Inputs, Recipe, Row, Rows, State, WeightFile
from autosft_audio.mel import band_statistics

if TYPE_CHECKING:
    from autosft.api.tensors import Encoder

_INFO = BackboneInfo(
    name="wavenet/small",
    inputs=Inputs(kind="waveform", options={"seconds": 10.0, "step": 1}),
    parameters=339_840,
    gigaflops=0.179,
    prior=0.3,
    origin="scratch",
    hides="values",
)


@final
class WaveNetFamily(BackboneFamily):
    """WaveNet's gated, dilated convolutions (van den Oord et al., 2016) over log-mel frames instead of samples: 160
    times fewer steps, so that it trains on two cores."""

    prefix = "wavenet"
    rate = 3.0

    def ignores(self, info: BackboneInfo) -> frozenset[str]:
        """Nor does layer decay mean anything to an encoder that is one block."""
        return super().ignores(info) | {"optim.layer_decay"}

    def curated(self) -> Sequence[BackboneInfo]:
        """One, small."""
        return [_INFO]

    def match(self, pattern: str) -> Sequence[BackboneInfo]:
        """It, if it matches."""
        return [_INFO] if fnmatch.fnmatchcase("small", pattern) else []

    def version(self) -> str:
        """Its own."""
        return "1"

    def fit(
        self, info: BackboneInfo, rows: Rows, read: Callable[[Row], Any], weights: WeightFile | None = None
    ) -> State:
        """Mean and deviation of each band over the frames of some training rows."""
        return band_statistics(rows, read)

    def build(self, info: BackboneInfo, recipe: Recipe, state: State, weights: WeightFile | None) -> Encoder:
        """The network, with fresh weights."""
        from autosft_audio.wavenet_encoder import WaveNetEncoder

        if weights is not None:
            raise BadWeights(f"{weights.path}: {info.name} learns from scratch and takes no weights.")
        return WaveNetEncoder(state)
