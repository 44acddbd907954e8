"""Devices: by name, and their memory."""

from __future__ import annotations

import math
import resource

import torch

from autosft.data.memory import free_bytes


def pick_device(name: str, slot: int = 0) -> torch.device:
    """The device of that name; `"auto"` is a GPU, each of several workers another, or else the CPU."""
    if name == "auto":
        name = f"cuda:{slot % torch.cuda.device_count()}" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def memory_per_worker(name: str, workers: int) -> float:
    """The bytes that each of several workers may use: of the device of that name, or of this machine's free memory."""
    device = pick_device(name)
    if device.type != "cuda":
        return free_bytes() / workers
    cards = torch.cuda.device_count() if name == "auto" else 1
    return torch.cuda.get_device_properties(device).total_memory / math.ceil(workers / cards)


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
