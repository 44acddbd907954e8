"""`failure_of`, `notes_of`, `seconds_per_row_of` and `failed_teachers_of`: what an exception says of the trial that
raised it."""

from __future__ import annotations

import traceback

import torch  # noqa: TID253
from pydantic import ValidationError

from autosft.contracts.record import Ending
from autosft.errors import AutoSFTError, BadTeacher, CannotWrite, Diverged, OutOfTime

_NO_MEMORY = ("DefaultCPUAllocator: can't allocate memory", "DefaultCPUAllocator: not enough memory")
"""What torch says in a plain `RuntimeError` when the host has no memory left."""


def failure_of(problem: Exception) -> tuple[Ending, str]:
    """How the trial has ended, and why in one line. The traceback goes to standard error, unless it is an error that
    AutoSFT raises on purpose."""
    if not isinstance(problem, AutoSFTError):
        traceback.print_exception(problem)
    text = _one_line(problem)
    if isinstance(problem, Diverged):
        return "diverged", text
    if isinstance(problem, OutOfTime):
        return "interrupted", text
    if isinstance(problem, (torch.OutOfMemoryError, MemoryError)) or any(said in str(problem) for said in _NO_MEMORY):
        return "out_of_memory", text
    if isinstance(problem, CannotWrite):
        return "cannot_write", text
    if isinstance(problem, AutoSFTError):
        return "failed", text
    return "failed", f"{type(problem).__name__}: {text}"


def notes_of(problem: Exception) -> tuple[str, ...]:
    """What was noted on an exception."""
    return tuple(getattr(problem, "__notes__", ()))


def seconds_per_row_of(problem: Exception) -> dict[str, float]:
    """What an exception says of the seconds that a row takes, as in a record."""
    return {"train": problem.seconds_per_row} if isinstance(problem, OutOfTime) and problem.seconds_per_row else {}


def failed_teachers_of(problem: Exception) -> tuple[int, ...]:
    """The trials whose models are to blame, as in a record."""
    return (problem.trial,) if isinstance(problem, BadTeacher) else ()


def _one_line(problem: Exception) -> str:
    if isinstance(problem, ValidationError):
        return problem.errors()[0]["msg"]
    return (str(problem).strip() or type(problem).__name__).splitlines()[0]
