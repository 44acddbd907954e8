"""`note_pseudo_labels`: how many rows without targets a trial has labelled in which way, for its record."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from autosft.contracts.document import write_whole
from autosft.contracts.trial import Trial

FILE = "pseudo-labels.json"
"""In the trial's folder."""


def note_pseudo_labels(trial: Trial, targets: Iterable[Any]) -> None:
    """Write down which targets a strategy has given to rows without any; what was written before is replaced.

    Args:
        trial: Who learns from them.
        targets: One per row that is learned from: a label, a tuple of labels, or what is none.
    """
    counts = Counter[str]()
    for target in targets:
        counts.update(label if isinstance(label, str) else "" for label in _labels(target))
    trial.folder.mkdir(parents=True, exist_ok=True)
    write_whole(trial.folder / FILE, json.dumps(counts, ensure_ascii=False, sort_keys=True).encode())


def noted_pseudo_labels(folder: Path) -> Mapping[str, int]:
    """What `note_pseudo_labels` has written into a trial's folder; empty if it has not."""
    path = folder / FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _labels(target: Any) -> Iterable[Any]:
    return target if isinstance(target, (tuple, list)) else (target,)
