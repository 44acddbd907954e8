"""Seeds: everything random derives from named parts by a stable hash, never from Python's salted `hash`."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


def seed_of(*parts: int | str) -> int:
    """A seed from 0 to 2**31 - 1, the same for the same parts in every process.

    Args:
        parts: What it derives from, such as the recipe's seed and a word that says what it is for.
    """
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def seed_everything(seed: int) -> None:
    """Seed the global generators of torch, NumPy and Python: models of other libraries draw from each of them."""
    import torch

    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


@contextmanager
def drawing_apart() -> Iterator[None]:
    """Whatever is drawn within, the global generators go on after it as if nothing had been."""
    import torch

    devices = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    numpy, python = np.random.get_state(), random.getstate()
    with torch.random.fork_rng(devices):
        try:
            yield
        finally:
            np.random.set_state(numpy)
            random.setstate(python)
