"""`read_rows`: from a task to the rows of a search: scanned, checked, with those without targets, and split."""

from __future__ import annotations

from autosft.archives.unlabeled import with_unlabeled
from autosft.contracts.modality import Modality
from autosft.contracts.problem import Problem
from autosft.contracts.rows import Data, Scan
from autosft.contracts.task import Task
from autosft.data.checks import check_scan
from autosft.data.duplicates import with_digests, without_copies
from autosft.data.splits import split, transductive
from autosft.runs.spec import SearchSpec


def read_rows(task: Task, spec: SearchSpec, modality: Modality, problem: Problem) -> tuple[Scan, Data, tuple[str, ...]]:
    """All that was found, the same in splits, and what the user should know of rows without targets.

    Args:
        task: Says where the rows lie.
        spec: The settings of the search.
        modality: Reads the rows.
        problem: The problem of the task's first target.

    Raises:
        BadInput: Too few rows can be used, or they cannot be split.
    """
    scan = modality.scan(task)
    check_scan(scan)
    scan = with_unlabeled(scan, modality, task)
    rows, unlabeled = (with_digests(some, modality.digest) for some in (scan.rows, scan.unlabeled))
    scan = Scan(rows, unlabeled, scan.skipped)
    data, about = without_copies(split(scan, problem, seed=spec.seed, hold_out_test=spec.hold_out_test))
    if spec.transductive:
        data = transductive(data, seed=spec.seed)
        about = (*about, f"learned from without their targets: {len(data.test or ())} test rows (--transductive)")
    return scan, data, about
