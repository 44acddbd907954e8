"""What makes training faster without being part of a recipe: mixed precision, and compilation by torch."""

from __future__ import annotations

import functools
import warnings
from contextlib import AbstractContextManager
from typing import Literal

import torch

from autosft.contracts.trial import Runtime

Precision = Literal["float32", "bfloat16"]


def autocast(runtime: Runtime) -> AbstractContextManager[object]:
    """In which losses are computed; in single precision it changes nothing."""
    return torch.autocast(runtime.device.type, torch.bfloat16, enabled=runtime.precision == "bfloat16")


def precision_for(wanted: str, device: torch.device) -> Precision:
    """The precision that was asked for; `"auto"` is bfloat16 on GPUs that have units for it.

    On CPUs it is single precision: see benchmarks/README.md.
    """
    if wanted == "auto":
        wanted = "bfloat16" if device.type == "cuda" and torch.cuda.is_bf16_supported(False) else "float32"
    return "bfloat16" if wanted == "bfloat16" else "float32"


@functools.cache
def why_not_compiled(device: torch.device) -> str:
    """Why torch cannot compile for a device here, in one line, such as for want of a compiler; empty if it can."""
    from torch._inductor import config

    try:
        with config.patch(force_disable_caches=True), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch says that it does without caches
            torch.compile(_doubled)(torch.ones(8, device=device))
    except Exception as problem:  # compilers, their absence and their versions fail in any number of ways
        return (str(problem).strip() or type(problem).__name__).splitlines()[0]
    return ""


def _doubled(numbers: torch.Tensor) -> torch.Tensor:
    return numbers + numbers
