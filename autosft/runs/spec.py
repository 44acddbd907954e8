"""`SearchSpec`: how to search, apart from what to solve."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator

from autosft.contracts.document import Document
from autosft.contracts.settings import words_of
from autosft.errors import BadInput

EXTENDABLE = ("budget", "trials")
"""Settings that may grow when a run is taken up again."""

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}


class SearchSpec(Document):
    """The settings of a search.

    Attributes:
        budget: Seconds of wall clock for everything, from the first look at the data to the test score; None means
            that only `trials` ends the search.
        trials: How many trials at most; None means that only `budget` ends the search.
        seed: Splits, proposals and training derive from it.
        device: Where to train, such as `"cpu"` or `"cuda:0"`; `"auto"` takes a GPU if there is one.
        threads: CPU threads of all workers together.
        precision: What encoders compute in while they train: `"float32"`, `"tf32"` on GPUs, `"bfloat16"`, or `"auto"`:
            bfloat16 on GPUs that have units for it.
        compile: Whether torch compiles encoders before it trains them.
        workers: How many trials are trained at the same time.
        processes_per_trial: How many processes train a trial together, each its part of every batch.
        executor: The name of the executor that decides where workers run.
        backbones: Shell patterns of the backbones to allow; empty means every family's curated list.
        strategies: Names of the strategies to allow; empty means all.
        weights: Folders or files of weights that lie on this machine; they are candidates like any other.
        hold_out_test: Whether to hold out rows for a test score where the data gives no test split.
        transductive: Whether the test rows are learned from too, without their targets.
        disk: Gigabytes that models and checkpoints of trials may take.
        single: Whether the outcome is one model, never an ensemble of several.
        settings: Parameters that are fixed or narrowed: values by parameter, as written, by part; shared fields of
            recipes are under `"optim"`, `"regular"` and `"stop"`.
        storage: The URL of a database for the study, without its password; empty means SQLite in the run's folder.
    """

    budget: float | None = Field(default=600.0, gt=0, allow_inf_nan=False)
    trials: int | None = Field(default=None, ge=1)
    seed: int = Field(default=0, ge=0)
    device: str = "auto"
    threads: int = Field(default=1, ge=1)
    precision: Literal["auto", "float32", "tf32", "bfloat16"] = "auto"
    compile: bool = False
    workers: int = Field(default=1, ge=1)
    processes_per_trial: int = Field(default=1, ge=1)
    executor: str = "processes"
    backbones: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    settings: Mapping[str, Mapping[str, str]] = {}
    hold_out_test: bool = True
    transductive: bool = False
    storage: str = ""
    disk: float = Field(default=20.0, gt=0, allow_inf_nan=False)
    single: bool = False

    def words(self) -> dict[str, Any]:
        """All fields by their names, as they are told to the user."""
        return {**self.plain(), "settings": ", ".join(words_of(self.settings))}

    @field_validator("device")
    @classmethod
    def _known(cls, device: str) -> str:
        if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", device):
            raise ValueError(f"{device!r} is none; write auto, cpu, cuda, cuda:0 or mps")
        return device


def grew(new: float | None, old: float | None) -> bool:
    """Whether a limit allows more than before; None is no limit."""
    return old is not None and (new is None or new > old)


def parse_seconds(text: str) -> float:
    """Seconds from a length of time such as `"90s"`, `"5m"`, `"1h30m"` or `"300"`.

    Raises:
        BadInput: The text is not a positive length of time.
    """
    text = text.strip().lower()
    parts = re.findall(r"(\d+(?:\.\d+)?)([hms])", text)
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != text:
        seconds = float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else 0.0
    if seconds <= 0:
        raise BadInput(f"Budget {text!r} is not a length of time. Write 90s, 5m, 1h30m or a number of seconds.")
    return seconds


def without_password(url: str) -> str:
    """The URL of a database as it may be written down: with a password neither before the host nor in the query."""
    url = re.sub(r"(://[^:/@]*):[^@]*@", r"\1@", url)
    return re.sub(r"([?&])password=[^&]*&?", r"\1", url).rstrip("?&")
