"""The hooks of this package."""

from __future__ import annotations

from collections.abc import Iterable

from autosft.api import Strategy, hookimpl
from autosft_semisupervised.fixmatch import FixMatch

autosft_api = 2


@hookimpl
def autosft_strategies() -> Iterable[Strategy]:
    """Consistency regularization."""
    return [FixMatch()]
