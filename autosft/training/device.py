"""Devices by name."""

from __future__ import annotations

import torch


def pick_device(name: str) -> torch.device:
    """The device of that name; `"auto"` is the first GPU, or else the CPU."""
    if name == "auto":
        name = "cuda:0" if torch.cuda.is_available() else "cpu"
    return torch.device(name)
