"""Devices: by name, and their memory."""

from __future__ import annotations

import resource

import torch


def pick_device(name: str, slot: int = 0) -> torch.device:
    """The device of that name; `"auto"` is a GPU, each of several workers another, or else the CPU."""
    if name == "auto":
        name = f"cuda:{slot % torch.cuda.device_count()}" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def peak_bytes(device: torch.device) -> int:
    """The most memory used: on a GPU since `free_memory`, else by the process since it began."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def free_memory(device: torch.device) -> None:
    """Give back what a GPU's allocator keeps for later, so that one trial's hoard does not starve the next."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
