"""For plugin authors: a whole toy plugin to read and to test with, tests that every part must pass, and `try_part`,
which trains one trial of a part in this process.

Importing this package brings neither torch nor pytest; `try_part`, `conformance` and `trials` do.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autosft.testing.trying import Tried, try_part

__all__ = ["Tried", "try_part"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'autosft.testing' has no attribute {name!r}")
    return getattr(import_module("autosft.testing.trying"), name)
