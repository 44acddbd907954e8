"""`Clock`: what has been used of the budget, and what is left."""

from __future__ import annotations

import time
from typing import final


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
