"""The hooks of this package."""

from __future__ import annotations

from collections.abc import Iterable

from autosft.api import Strategy, hookimpl
from autosft_strategies.bitfit import BitFit
from autosft_strategies.cotraining import CoTraining
from autosft_strategies.entropy import Entropy
from autosft_strategies.full import Full
from autosft_strategies.gradual import Gradual
from autosft_strategies.knn import Knn
from autosft_strategies.lpft import LinearProbeFineTune
from autosft_strategies.partial import Partial
from autosft_strategies.probe import Probe
from autosft_strategies.spreading import Spreading

autosft_api = 2


@hookimpl
def autosft_strategies() -> Iterable[Strategy]:
    """Frozen encoders, those that are trained in part, and those that are trained whole."""
    frozen = [Probe(), Knn(), CoTraining(), Spreading(), Entropy()]
    return [*frozen, Partial(), BitFit(), Gradual(), LinearProbeFineTune(), Full()]
