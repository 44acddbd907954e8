"""Devices: by name, and their memory."""

from __future__ import annotations

import resource

import torch

from autosft.errors import BadInput

WORDS = 120
"""Characters of why torch cannot use a device."""


def pick_device(name: str, slot: int = 0) -> torch.device:
    """The device of that name; `"auto"` is a GPU, each of several workers another, or else the CPU.

    Raises:
        BadInput: There is no such device, or it cannot be used.
    """
    if name == "auto":
        name = f"cuda:{slot % torch.cuda.device_count()}" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except Exception as error:  # what torch raises depends on the device, and on how torch was built
        words = " ".join(str(error).split())[:WORDS]
        raise BadInput(f"device {name!r} cannot be used here ({words}). Try auto, cpu, cuda:0 or mps.") from error
    return device


def sums_in(device: torch.device) -> torch.dtype:
    """What long sums are kept in: double precision, where the device has it."""
    return torch.float32 if device.type == "mps" else torch.float64


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
