"""Seeds: everything random derives from named parts by a stable hash, never from Python's salted `hash`."""

from __future__ import annotations

import hashlib


def seed_of(*parts: int | str) -> int:
    """A seed from 0 to 2**31 - 1, the same for the same parts in every process."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
