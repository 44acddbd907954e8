"""The hooks of this package."""

from __future__ import annotations

from collections.abc import Iterable

from autosft.api import Strategy, hookimpl
from autosft_semisupervised.adamatch import AdaMatch
from autosft_semisupervised.distillation import Distill
from autosft_semisupervised.fixmatch import FixMatch
from autosft_semisupervised.freematch import FreeMatch
from autosft_semisupervised.selftraining import SelfTraining
from autosft_semisupervised.softmatch import SoftMatch

autosft_api = 2


@hookimpl
def autosft_strategies() -> Iterable[Strategy]:
    """Consistency regularization, and students of earlier trials."""
    return [SoftMatch(), AdaMatch(), FreeMatch(), FixMatch(), SelfTraining(), Distill()]
