"""The hooks of this package."""

from __future__ import annotations

from collections.abc import Iterable

from autosft.api import Strategy, hookimpl
from autosft_pretraining.jigsaw import Jigsaw
from autosft_pretraining.masked import MaskedAutoencoder, MaskedLanguageModel
from autosft_pretraining.two_views import Dino, SimClr, VicReg

autosft_api = 2


@hookimpl
def autosft_strategies() -> Iterable[Strategy]:
    """What hides a part of a row, what cuts it up, and what sees it twice."""
    return [MaskedLanguageModel(), MaskedAutoencoder(), Jigsaw(), VicReg(), SimClr(), Dino()]
