"""Devices: by name, their memory, and how many rows they answer at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

from autosft.contracts.trial import EvalBatch, Runtime
from autosft.data.memory import most_used_bytes
from autosft.errors import BadInput

T = TypeVar("T")

ROWS_ON_CPU, ROWS_ON_GPU = 32, 256
"""So many rows are answered at once: a CPU is no faster with more (benchmarks/README.md), and a GPU has many units."""

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


def eval_batch_for(device: torch.device, micro_batch: int = 0) -> EvalBatch:
    """How many rows are answered at once to begin with, no more than fitted while they were learned from."""
    rows = ROWS_ON_CPU if device.type == "cpu" else ROWS_ON_GPU
    return EvalBatch(min(rows, micro_batch or rows))


def halving(runtime: Runtime, work: Callable[[], T]) -> T:
    """What work gives that answers rows, done again with half of them at once each time that memory runs out.

    Raises:
        OutOfMemoryError: Not even one fits.
    """
    while True:
        try:
            return work()
        except torch.OutOfMemoryError:
            if runtime.eval_batch.rows == 1:
                raise
        runtime.eval_batch.rows //= 2
        if runtime.device.type == "cuda":
            torch.cuda.empty_cache()


def sums_in(device: torch.device) -> torch.dtype:
    """What long sums are kept in: double precision, where the device has it."""
    return torch.float32 if device.type == "mps" else torch.float64


def peak_bytes(device: torch.device) -> int:
    """The most memory used: on a GPU since `free_memory`, else by the process since it began."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return most_used_bytes()


def free_memory(device: torch.device) -> None:
    """Give back what a GPU's allocator keeps for later, so that one trial's hoard does not starve the next."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
