"""The clock: what has been used, what is left, what a trial will take, and what finishing needs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import final

from autosft.contracts.record import Record
from autosft.search.plan import Plan

FINISH_SECONDS = 5.0
"""Writing the bundle, reading it again, and resampling the test score."""

REFIT_SHARE = 0.25
"""The most of the budget that is held back for training the best recipe again on all rows."""

MARGIN = 1.25
"""Estimates are taken this much longer than measured."""

TRAIN_TO_ENCODE = 4.0
"""Seconds of a training epoch per second of an encoding pass, until measured: forward, backward, validation."""


@final
class Clock:
    """The driver's wall clock, summed over its sessions; the time that a killed run lay still does not count.

    Args:
        budget: Seconds in all; None means without end.
        spent: Seconds that earlier sessions have used.
        started: When this session began, by `time.monotonic`.
    """

    def __init__(self, budget: float | None, spent: float = 0.0, started: float | None = None) -> None:
        self.budget, self._spent = budget, spent
        self._started = time.monotonic() if started is None else started

    def used(self) -> float:
        """Seconds used."""
        return self._spent + time.monotonic() - self._started

    def left(self) -> float:
        """Seconds left; infinite without a budget."""
        return float("inf") if self.budget is None else self.budget - self.used()


@final
class Estimates:
    """Seconds that things will take, from what past trials measured.

    Args:
        plan: For the backbones' sizes: a backbone that was never measured is scaled by multiply-adds from one that was.
        records: Past trials.
        sizes: The number of rows in `"train"`, `"valid"` and `"test"`.
    """

    def __init__(self, plan: Plan, records: Sequence[Record], sizes: Mapping[str, int]) -> None:
        self._sizes = sizes
        self._paces: dict[tuple[str, str], float] = {}
        for record in records:
            for kind, pace in record.pace.items():
                self._paces[record.recipe.backbone, kind] = pace
        self._work = {candidate.info.name: candidate.info.gigaflops for candidate in plan.candidates}

    def encode_seconds(self, backbone: str) -> float | None:
        """One row through the encoder; None if nothing was measured yet."""
        if pace := self._paces.get((backbone, "encode")):
            return pace
        scaled = [
            pace * self._work[backbone] / self._work[other]
            for (other, kind), pace in self._paces.items()
            if kind == "encode" and self._work.get(other) and self._work[backbone]
        ]
        return max(scaled, default=None)

    def train_seconds(self, backbone: str) -> float | None:
        """One epoch per training row, with its validation; None if nothing was measured yet."""
        if pace := self._paces.get((backbone, "train")):
            return pace
        encode = self.encode_seconds(backbone)
        return None if encode is None else encode * TRAIN_TO_ENCODE

    def probe_seconds(self, backbone: str) -> float | None:
        """A cheap trial on a backbone whose rows are not encoded yet."""
        encode = self.encode_seconds(backbone)
        return None if encode is None else MARGIN * encode * (self._sizes["train"] + self._sizes["valid"]) + 2.0

    def epochs_in(self, seconds: float, backbone: str) -> float:
        """How many epochs of training fit; infinite if nothing was measured yet."""
        pace = self.train_seconds(backbone)
        return float("inf") if pace is None else seconds / (MARGIN * pace * self._sizes["train"])

    def refit_seconds(self, record: Record) -> float:
        """Training the record's recipe again on training and validation rows."""
        rows = self._sizes["train"] + self._sizes["valid"]
        if not record.best:  # a cheap strategy, whose rows are encoded already
            encoded = rows * (self.encode_seconds(record.recipe.backbone) or 0.0)
            return MARGIN * max(0.0, record.seconds - encoded) * rows / self._sizes["train"] + 2.0
        return MARGIN * sum(record.best.values()) * rows * (self.train_seconds(record.recipe.backbone) or 0.0) + 2.0

    def test_seconds(self, record: Record) -> float:
        """Bundling the record's model and scoring it on the test rows."""
        encode = self.encode_seconds(record.recipe.backbone) or 0.0
        return FINISH_SECONDS + MARGIN * self._sizes["test"] * encode
