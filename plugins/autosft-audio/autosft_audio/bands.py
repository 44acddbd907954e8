"""`BandsFamily`: statistics of log-mel bands, the cheap floor. No weights and nothing to train; hard to beat where the
data is small."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, final

from autosft.api import BackboneFamily, BackboneInfo, BadWeights, Inputs, Recipe, Row, Rows, State, WeightFile
from autosft_audio.mel import BANDS, band_statistics

if TYPE_CHECKING:
    from autosft.api.tensors import Encoder

COEFFICIENTS = 20
"""Of the cosine transform over bands, the first ones: the shape of the spectrum without the pitch."""

_WAVES = Inputs(kind="waveform", options={"seconds": 10.0, "step": 1})


@final
class BandsFamily(BackboneFamily):
    """Statistics over time of log-mel bands, or of their cepstral coefficients (MFCC: Davis and Mermelstein, 1980):
    means, deviations, extremes, changes, rhythm, and means over each quarter of a clip, which say what comes first."""

    prefix = "bands"

    def curated(self) -> Sequence[BackboneInfo]:
        """`bands/log-mel`, which keeps all bands, and `bands/mfcc`, which suits voices."""
        return [_info("log-mel", BANDS), _info("mfcc", COEFFICIENTS)]

    def match(self, pattern: str) -> Sequence[BackboneInfo]:
        """Those of the two that match."""
        return [info for info in self.curated() if fnmatch.fnmatchcase(info.name.removeprefix("bands/"), pattern)]

    def version(self) -> str:
        """Its own."""
        return "1"

    def fit(
        self, info: BackboneInfo, rows: Rows, read: Callable[[Row], Any], weights: WeightFile | None = None
    ) -> State:
        """Mean and deviation of each band, or coefficient, over the frames of some training rows."""
        return band_statistics(rows, read, int(info.arguments["coefficients"]))

    def build(self, info: BackboneInfo, recipe: Recipe, state: State, weights: WeightFile | None) -> Encoder:
        """Nothing but arithmetic."""
        from autosft_audio.bands_encoder import BandsEncoder

        if weights is not None:
            raise BadWeights(f"{weights.path}: {info.name} takes no weights.")
        return BandsEncoder(state)


def _info(name: str, coefficients: int) -> BackboneInfo:
    return BackboneInfo(
        name=f"bands/{name}",
        inputs=_WAVES,
        prior=0.5,
        arguments={"coefficients": coefficients},
        origin="fitted",
    )
