"""What makes training faster without being part of a recipe: lower precision, and compilation by torch."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal

import torch

from autosft.contracts.trial import Runtime

Precision = Literal["float32", "tf32", "bfloat16"]


def autocast(runtime: Runtime) -> AbstractContextManager[object]:
    """In which losses are computed; in single precision it changes nothing."""
    return torch.autocast(runtime.device.type, torch.bfloat16, enabled=runtime.precision == "bfloat16")


@contextmanager
def products_in(precision: Precision) -> Generator[None]:
    """In which an epoch is trained: products of matrices on a GPU are of TensorFloat-32 numbers, if that is asked for.
    Convolutions there are by torch's own default."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if precision == "tf32" else before)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def precision_for(wanted: str, device: torch.device) -> Precision:
    """The precision that was asked for; `"auto"` is bfloat16 on GPUs that have units for it.

    On CPUs that is single precision: see benchmarks/README.md. So is `"tf32"`, which they do not have.
    """
    on_cards = device.type == "cuda"
    if wanted == "auto":
        wanted = "bfloat16" if on_cards and torch.cuda.is_bf16_supported(False) else "float32"
    if wanted == "bfloat16":
        return "bfloat16"
    return "tf32" if wanted == "tf32" and on_cards else "float32"


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
