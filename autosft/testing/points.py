"""Files of points, the toy plugin's data: made, read, and sorted into rows and skipped samples.

    {"rows": [{"x": [0.5, 1.5], "label": "a", "split": ""}, ...], "unlabeled": [[0.1, 0.2], ...]}

A row may have more keys, such as those of `TARGETS`; a task's targets name those that are asked for.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autosft.contracts.document import write_json
from autosft.contracts.rows import SPLITS, Row, Rows, Scan, SkippedSample
from autosft.errors import BadInput

SUFFIX = ".points.json"
RADIUS = 2.0
"""How far the clouds of `make_points` lie from the origin; their standard deviation is 1."""

TARGETS = {"classification": "label", "multilabel": "labels", "regression": "height"}
"""The keys of `make_points` by the problems that they make."""


def make_points(path: Path, *, rows: int = 120, classes: int = 3, seed: int = 0, missing: Sequence[str] = ()) -> Path:
    """Write a file of points that can be learned: per class a cloud around a place on a circle, named `"a"`, `"b"`, …

    A point's `"side"` says on which side of the middle it lies. Its `"labels"` are the classes in whose direction it
    lies, maybe none or several; `"height"` and `"breadth"` grow along two axes. A third as many unlabelled points come
    on top. Two of a point's four numbers mean nothing. About half of the points lack the keys in `missing`.
    """
    draw = np.random.default_rng(seed)
    count = rows + rows // 3
    numbers = np.arange(count) % classes
    angles = 2 * np.pi * numbers / classes
    table = draw.normal(size=(count, 4))
    places = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    table[:, :2] += RADIUS * places
    points = table.round(4).tolist()
    names = [chr(ord("a") + number) for number in range(classes)]
    near = table[:, :2] @ places[:classes].T > RADIUS / 2
    labeled = [
        {
            "x": points[row],
            "label": names[numbers[row]],
            "side": "right" if table[row, 0] > 0 else "left",
            "labels": [name for name, is_near in zip(names, near[row], strict=True) if is_near],
            "height": round(170 + 10 * table[row, 0], 4),
            "breadth": round(40 - 5 * table[row, 1], 4),
        }
        for row in range(rows)
    ]
    lacking = draw.random(rows) < 0.5 if missing else np.zeros(rows, dtype=bool)
    for place in np.flatnonzero(lacking).tolist():
        labeled[place] = {key: value for key, value in labeled[place].items() if key not in missing}
    write_json(path, {"rows": labeled, "unlabeled": points[rows:]})
    return path


def make_points_of(path: Path, targets: Sequence[Any], *, rows: int = 48, seed: int = 0) -> Path:
    """Write a file of points of any targets: of each a cloud around a place of its own. The key is `"target"`.

    Args:
        path: The file.
        targets: Targets as written, in plain JSON or tuples of it; the points have all of them alike often.
        rows: How many points have a target; a third as many have none.
        seed: The same seed gives the same points.
    """
    draw = np.random.default_rng(seed)
    places = {repr(target): RADIUS * draw.normal(size=4) for target in targets}
    order = np.concatenate([draw.permutation(len(targets)) for _ in range(0, rows, len(targets))])[:rows].tolist()
    labeled = [
        {"x": (places[repr(target)] + draw.normal(size=4)).round(4).tolist(), "target": target}
        for target in (targets[number] for number in order)
    ]
    write_json(path, {"rows": labeled, "unlabeled": draw.normal(size=(rows // 3, 4)).round(4).tolist()})
    return path


def load_points(path: Path) -> dict[str, Any]:
    """The file's `"rows"` and `"unlabeled"`.

    Raises:
        BadInput: The file is missing or not a file of points.
    """
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        return {"rows": list(table["rows"]), "unlabeled": list(table.get("unlabeled", []))}
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}).") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f'{path}: not a file of points; write {{"rows": [{{"x": [...], "label": ...}}]}}.') from error


def points_of(given: Any) -> list[Any]:
    """The points that one input of a user stands for.

    Raises:
        BadInput: It is neither numbers nor a path.
    """
    if isinstance(given, (str, Path)):
        table = load_points(Path(given))
        return [*(entry.get("x") for entry in table["rows"]), *table["unlabeled"]]
    try:
        numbers = np.asarray(given, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise BadInput(f"{given!r}: not a point; give lists of numbers, or a path.") from error
    if numbers.ndim not in (1, 2):
        raise BadInput(f"{given!r}: not a point; give lists of numbers, or a path.")
    return np.atleast_2d(numbers).tolist()


def sorted_out(rows: Sequence[Row], unlabeled: Sequence[Row]) -> Scan:
    """Rows that can be used, and skipped samples. The first sound point says how long all must be."""
    lengths = (len(row.ref) for row in (*rows, *unlabeled) if isinstance(row.ref, list) and row.ref)
    length = next(lengths, 0)
    sound: Mapping[bool, list[Row]] = {True: [], False: []}
    skipped: list[SkippedSample] = []
    for labeled, part in ((True, rows), (False, unlabeled)):
        for row in part:
            if skip := reason_of(row.ref, length) or _target_reason_of(row):
                skipped.append(SkippedSample(row.id, skip))
            else:
                sound[labeled].append(row)
    return Scan(Rows.of(sound[True]), Rows.of(sound[False]), tuple(skipped))


def target_of(entry: Mapping[str, Any], name: str | tuple[str, ...]) -> Any:
    """A row's target: what stands under a key, or under several; None if something is missing."""
    if isinstance(name, str):
        return _as_written(entry.get(name))
    several = tuple(_as_written(entry.get(one)) for one in name)
    return None if None in several else several


def _as_written(value: Any) -> Any:
    """JSON's lists become tuples, as a row's targets must be."""
    return tuple(map(_as_written, value)) if isinstance(value, list) else value


def reason_of(x: Any, length: int) -> str:
    """Why a point cannot be used; empty if it can."""
    if not isinstance(x, list) or not all(isinstance(number, (int, float)) for number in x):
        return "not a list of numbers"
    if not all(math.isfinite(number) for number in x):
        return "a number is missing or not finite"
    return "" if len(x) == length else f"{len(x)} numbers instead of {length}"


def _target_reason_of(row: Row) -> str:
    if row.targets and all(target is None for target in row.targets):
        return "without a label"
    return "" if row.split in ("", *SPLITS) else f"unknown split {row.split!r}"
