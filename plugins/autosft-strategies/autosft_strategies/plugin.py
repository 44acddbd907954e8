"""The hooks of this package."""

from __future__ import annotations

from collections.abc import Iterable

from autosft.contracts.strategy import Strategy
from autosft.host.hookspecs import hookimpl
from autosft_strategies.full import Full
from autosft_strategies.probe import Probe

autosft_api = 1


@hookimpl
def autosft_strategies() -> Iterable[Strategy]:
    """Probe the frozen encoder, or train all of it."""
    return [Probe(), Full()]
