"""Libraries that only some commands need, and how to get them."""

from __future__ import annotations

from importlib.util import find_spec

from autosft.errors import PartMissing


def need(extra: str, *modules: str) -> None:
    """Raise `PartMissing`, with what to install, if one of the modules that an extra of autosft brings is missing."""
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise PartMissing(f"{', '.join(missing)} not installed. Run: pip install 'autosft[{extra}]'")
