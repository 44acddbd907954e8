"""`Scheduler`: what the next free worker does. A cut-off trial first, then a promotion, then something new.

Trials are cut off by a driver that was killed, or between two rungs by a user who interrupted the search.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import final

from autosft.contracts.record import Record
from autosft.search.memory.trials import NOBODY, Trials
from autosft.search.policy.budget import Estimates
from autosft.search.policy.proposals import Proposals
from autosft.search.policy.rungs import FIRST_RUNG, between_rungs, hopeful, next_rung, promoted


@final
@dataclass(frozen=True)
class Assignment:
    """A stretch of a trial.

    Attributes:
        number: The trial.
        pause_after: After how many validated epochs of the trial it pauses; None means that it runs through.
        resumed: Whether the trial goes on from a pause; not so if it was cut off.
    """

    number: int
    pause_after: int | None
    resumed: bool


@final
class Scheduler:
    """Decides what comes next.

    Args:
        trials: What was tried and what is under way; new trials are begun there.
        proposals: Where new trials come from.
        limit: The most trials; None means that only the clock counts.
        teachers: On which trials a new one of a strategy and a backbone would build, by number, with which weights; on
            none by default.
    """

    def __init__(
        self,
        trials: Trials,
        proposals: Proposals,
        limit: int | None,
        teachers: Callable[[str, str], Mapping[int, float]] | None = None,
    ) -> None:
        self._trials, self._proposals, self._limit, self._teachers = trials, proposals, limit, teachers
        self._cut_off = list(trials.cut_off)

    def next(
        self, estimates: Estimates, quarantined: Collection[str], *, used: float, left: float
    ) -> Assignment | None:
        """The next assignment, or None if nothing is worth the time that is left.

        Args:
            estimates: What things will take.
            quarantined: Backbones and strategies that are not to be tried any more.
            used: The fraction of the budget that is used.
            left: The seconds that a trial may take.
        """
        if left <= 0:
            self._cut_off = self._trials.set_back(self._cut_off)
        elif self._cut_off:
            number = self._cut_off.pop(0)
            rung = next_rung(self._trials.paused_record(number)) if estimates.folds == 1 else None
            return Assignment(number, rung, resumed=False)
        paused = [record for record in self._trials.paused if left > 0 and _epochs_in(left, record, estimates) >= 1]
        if between := next((record for record in paused if between_rungs(record)), None):
            return self._resumed(between, next_rung(between))
        if earned := promoted(paused, self._trials.known):
            return self._resumed(earned, next_rung(earned))
        best = min(paused, key=Record.order, default=None)
        if best and _last_chance(best, estimates, left):
            return self._resumed(best, None)
        if (number := self._begun(estimates, quarantined, used, left)) is not None:
            rung = next_rung(None) if estimates.folds == 1 else None  # too few rows to tell by them who may go on
            return Assignment(number, rung, resumed=False)
        best = hopeful(paused, self._trials.known)
        return self._resumed(best, None) if best else None

    def over(self, estimates: Estimates, left: float) -> str:
        """Why nothing comes next, in words, with the backbones that were never tried, and what they would have taken.

        Args:
            estimates: What things will take.
            left: The seconds that a trial may take.
        """
        if left == float("inf"):
            return "nothing new is left to try"
        dear = {
            name: need for name, need in self._proposals.untried(self._trials.known, estimates).items() if need > left
        }
        told = ", ".join(f"{name} (about {need:.0f} s)" for name, need in dear.items())
        words = f"nothing new fits the {max(left, 0.0):.0f} s that are left to train"
        return f"{words}; never tried: {told}" if told else words

    def _built_on(self, strategy: str, backbone: str) -> Mapping[int, float]:
        return self._teachers(strategy, backbone) if self._teachers else NOBODY

    def _resumed(self, record: Record, pause_after: int | None) -> Assignment:
        self._trials.resume(record.number)
        return Assignment(record.number, pause_after, resumed=True)

    def _begun(self, estimates: Estimates, quarantined: Collection[str], used: float, left: float) -> int | None:
        """The number of a new trial, or None if there is to be none."""
        trials = self._trials
        if self._limit is not None and trials.started >= self._limit:
            return None
        params = self._proposals.next(
            trials.known,
            estimates,
            tried=trials.contents,
            uncut=trials.uncut,
            quarantined=quarantined,
            teachers=lambda strategy, backbone: trials.teacher(self._built_on(strategy, backbone)),
            started=trials.started,
            used=used,
            left=left,
        )
        if params is None:
            return None
        teachers = self._built_on(str(params["strategy"]), str(params["backbone"]))
        return trials.start(params, self._proposals.space(params), teachers)


def _last_chance(best: Record, estimates: Estimates, left: float) -> bool:
    """Whether after the first rung of yet another trial there would be no time for the rest of this one."""
    rest = best.recipe.stop.max_epochs - sum(epoch.score is not None for epoch in best.epochs)
    return _epochs_in(left, best, estimates) < rest + FIRST_RUNG


def _epochs_in(seconds: float, record: Record, estimates: Estimates) -> float:
    return estimates.epochs_in(seconds, record.recipe)
