"""What can go wrong, for a user.

    AutoSFTError                 one clear line: what is wrong, where, and how to mend it
    ├── BadInput                 a path, an option, a task file or the data cannot be used
    │   └── UnknownName          a metric, part or key that does not exist; names the nearest known one
    ├── PartMissing              no installed plugin offers this part; names the package that would
    ├── NoCandidates             no backbone and strategy fit the task, or no weights are at hand
    ├── RunConflict              the run's folder belongs to another search, or to a running one
    ├── BadBundle                a bundle is damaged, incomplete or of a newer schema
    ├── BadWeights               a weights file is damaged or does not fit its architecture
    ├── BadTeacher               a model that teaches a trial is missing or damaged; ends the trial, never the search
    ├── Unreachable              a source of weights cannot be asked, such as a hub without a network
    ├── PluginBroken             a plugin does not load (raised in strict mode and for -p), or an executor fails
    ├── Unreadable               one sample cannot be read; counted and listed, seldom fatal
    ├── Diverged                 a loss or a score is not finite; ends the trial, never the search
    ├── OutOfTime                a trial's seconds ran out before it had anything to keep
    ├── LostContact              of the processes that train a trial together one has left; ends the trial
    ├── CannotWrite              the disk is full, or a folder cannot be written; what was there stays whole
    └── NothingFinished          the budget ended before any trial had a score

The command line prints the message of an `AutoSFTError` and exits with code 2; any other exception is a
defect of AutoSFT or of a plugin and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Self


class AutoSFTError(Exception):
    """The root of all errors that AutoSFT raises on purpose. The message says what is wrong, where, how to mend it."""


class BadInput(AutoSFTError):
    """A path, an option, a task file or the data cannot be used."""


class UnknownName(BadInput):
    """A name that is not among the known ones.

    Args:
        kind: What the name stands for, such as `"metric"`.
        name: The name as it was given.
        known: Every name that would have been right.
        mend: One more sentence on how to mend it.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], mend: str = "") -> None:
        choices = sorted(known)
        near = difflib.get_close_matches(name, choices, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        more = " …" if len(choices) > 20 else ""
        listing = f" Known: {', '.join(choices[:20])}{more}." if choices else " None is known."
        super().__init__(f"Unknown {kind} {name!r}.{hint}{listing}{' ' + mend if mend else ''}")


class PartMissing(AutoSFTError):
    """No installed plugin offers this part."""


class NoCandidates(AutoSFTError):
    """No backbone and strategy fit the task, or no weights are at hand."""


class RunConflict(AutoSFTError):
    """The folder of a run belongs to another search, or to one that is running."""


class BadBundle(AutoSFTError):
    """A bundle is damaged, incomplete or of a newer schema."""


class BadWeights(AutoSFTError):
    """A weights file is missing, damaged, or does not fit its architecture."""


class BadTeacher(AutoSFTError):
    """A model that teaches a trial is missing or damaged.

    Args:
        message: What is wrong.
        trial: The number of the trial that it is of.
    """

    def __init__(self, message: str, trial: int) -> None:
        super().__init__(message)
        self.trial = trial


class Unreachable(AutoSFTError):
    """A source of weights cannot be asked."""


class PluginBroken(AutoSFTError):
    """A plugin does not load, which is raised when `AUTOSFT_STRICT_PLUGINS` is set or the user named it (`-p`); or an
    executor fails."""


class Unreadable(AutoSFTError):
    """One sample cannot be read. The search counts such rows and lists them in `skipped.csv`."""


class Diverged(AutoSFTError):
    """A loss or a score is not finite."""


class OutOfTime(AutoSFTError):
    """A trial's seconds ran out before it had anything to keep.

    Args:
        message: Where.
        seconds_per_row: The seconds that a training row took, if some were trained on: later trials can be cut to the
            clock by it.
    """

    def __init__(self, message: str, seconds_per_row: float | None = None) -> None:
        super().__init__(message)
        self.seconds_per_row = seconds_per_row


class LostContact(AutoSFTError):
    """Of the processes that train a trial together, another one has left.

    Args:
        detail: What was noticed of it.
    """

    SAYS = "processes that train a trial together lost each other"

    def __init__(self, detail: str) -> None:
        super().__init__(f"{self.SAYS} ({detail})")


class CannotWrite(AutoSFTError):
    """The disk is full, or a folder cannot be written."""

    @classmethod
    def at(cls, path: Path, error: OSError) -> Self:
        """Where it happened, and why."""
        return cls(f"{path}: cannot be written ({error.strerror or error}). Make room, or give another folder.")


class NothingFinished(AutoSFTError):
    """The budget ended before any trial had a score."""
