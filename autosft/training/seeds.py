"""Seeds: everything random derives from named parts by a stable hash, never from Python's salted `hash`."""

from __future__ import annotations

import hashlib
import random

import numpy as np


def seed_of(*parts: int | str) -> int:
    """A seed from 0 to 2**31 - 1, the same for the same parts in every process."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def seed_everything(seed: int) -> None:
    """Seed the global generators of torch, NumPy and Python: models of other libraries draw from each of them."""
    import torch

    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
