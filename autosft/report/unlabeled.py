"""`unlabeled_of`: what rows without labels were worth: with and without them, and how right labels for them were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autosft.contracts.outputs import StoredOutputs
from autosft.contracts.problem import Problem
from autosft.contracts.record import Record
from autosft.contracts.scoring import known
from autosft.errors import BadInput
from autosft.report.comparison import Difference, difference
from autosft.report.saved_run import SavedRun
from autosft.report.summary import labels_of

MOST_LABELS = 40


@dataclass(frozen=True)
class PseudoLabel:
    """A label, as a trial gave it to rows without.

    Attributes:
        name: The label; empty where targets are no labels.
        used: How many rows it learned from had it.
        answered: How many rows with labels, that it had not learned from, it gave this label.
        right: How many of them rightly.
    """

    name: str
    used: int
    answered: int
    right: int


@dataclass(frozen=True)
class Unlabeled:
    """What rows without labels were worth.

    Attributes:
        trials: How many trials learned from them.
        seconds: What these took.
        best: The best of them; None if none has a score.
        without: The best of the others.
        difference: By how much it scores higher; None where answers were not stored, or are those of other rows.
        labels: Those that it gave, the most frequent first; empty where its strategy gives none.
        used: How many rows it gave labels to.
        left: How many labels are not in `labels`.
    """

    trials: int
    seconds: float
    best: Record | None
    without: Record | None
    difference: Difference | None
    labels: tuple[PseudoLabel, ...]
    used: int
    left: int


def unlabeled_of(saved_run: SavedRun, problems: Sequence[Problem]) -> Unlabeled | None:
    """What the rows without labels of a run were worth; None where it has none, and no trial learned from any.

    Args:
        saved_run: The run.
        problems: The problem of each target; none where one of them is not installed.
    """
    learned = [record for record in saved_run.records if record.unlabeled]
    if not (learned or saved_run.unlabeled):
        return None
    best = next((record for record in saved_run.scored if record.unlabeled), None)
    without = next((record for record in saved_run.scored if not record.unlabeled), None)
    ours, theirs = (_stored(saved_run, record) if record and problems else None for record in (best, without))
    apart = None
    if ours and theirs:
        apart = difference(ours, theirs, saved_run.task.targets, problems, int(saved_run.spec["seed"]))
    given = best.pseudo_labels if best else dict[str, int]()
    ranked = sorted(given.items(), key=lambda pair: (-pair[1], pair[0]))
    right = _right(ours, problems[0]) if ours else {}
    labels = tuple(PseudoLabel(name, count, *right.get(name, (0, 0))) for name, count in ranked[:MOST_LABELS])
    seconds = sum(record.seconds for record in learned)
    left = max(0, len(ranked) - MOST_LABELS)
    return Unlabeled(len(learned), seconds, best, without, apart, labels, sum(given.values()), left)


def _stored(saved_run: SavedRun, record: Record) -> StoredOutputs | None:
    try:
        return saved_run.outputs(record)
    except BadInput:  # the leaderboard says that they are damaged
        return None


def _right(stored: StoredOutputs, problem: Problem) -> dict[str, tuple[int, int]]:
    """Of each label how many rows were given it, and how many of these have it."""
    outputs, targets = known(stored.outputs[0], stored.rows.target(0))
    found: dict[str, tuple[int, int]] = {}
    for answer, target in zip(problem.decide(outputs, stored.states[0]), targets, strict=True):
        has = labels_of(target)
        for label in labels_of(answer):
            count, right = found.get(label, (0, 0))
            found[label] = count + 1, right + (label in has)
    return found
