"""Rows of the same content: within the training rows, across splits, with other targets, and without any. Goes by
digests alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np

from autosft.contracts.rows import Data, Row, Rows, objects
from autosft.data.cores import usable_cores

OTHERS = "other unlabelled"

_CHUNK = 256
"""Rows that a thread takes at once: a text takes less time than handing it over."""


def with_digests(rows: Rows, digest: Callable[[Row], str]) -> Rows:
    """The rows with the digest of each.

    Args:
        rows: The rows.
        digest: `Modality.digest`. It reads files, which leaves Python's lock, so that several threads do it.
    """
    parts = [rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK)]
    with ThreadPoolExecutor(usable_cores()) as pool:
        found = pool.map(lambda part: [digest(row) for row in part], parts)
        return rows.with_columns(digest=objects(chain.from_iterable(found)))


def duplicate_warnings(data: Data) -> list[str]:
    """How many rows are copies of others, with an example and what to do. No target of a test row is looked at."""
    train, valid = _by_content(data.train), _by_content(data.valid)
    test = _by_content(data.test) if data.test is not None else {}
    warnings: list[str] = []
    if copies := [ids for ids in train.values() if len(ids) > 1]:
        count = sum(len(ids) - 1 for ids in copies)
        warnings.append(
            f"{_rows(count, 'training')} of other training rows, such as {_pair(*copies[0][:2])}; "
            "they count more than once: remove them if that is not meant"
        )
    for name, rows, others in (("validation", valid, train), ("test", test, {**train, **valid})):
        if shared := [content for content in rows if content in others]:
            count = sum(len(rows[content]) for content in shared)
            example = _pair(rows[shared[0]][0], others[shared[0]][0])
            warnings.append(
                f"{_rows(count, name)} of rows in other splits, such as {example}; "
                f"the {name} score is optimistic: remove them from one side"
            )
    return warnings + _conflicts(data.train + data.valid)


def without_copies(data: Data) -> tuple[Data, tuple[str, ...]]:
    """The data without the unlabelled rows that are copies of labelled ones, of whatever split, or of each other; and
    how many these were, in words, if there were any.

    Whoever learned from a copy of a test row would know that row. Of unlabelled rows that are alike the first one
    stays.

    Args:
        data: Where rows have no digest, no copy is found.
    """
    seen: dict[str, str] = {}  # what kind of row has a content
    labelled = {"training": data.train, "validation": data.valid, "test": data.test}
    for name, rows in labelled.items():
        seen |= dict.fromkeys(filter(None, rows.digest), name) if rows is not None else {}
    copied: Counter[str] = Counter()
    own = np.ones(len(data.unlabeled), dtype=bool)
    for place, content in enumerate(data.unlabeled.digest):
        if content in seen:
            copied[seen[content]] += 1
            own[place] = False
        elif content:
            seen[content] = OTHERS
    if not copied:
        return data, ()
    counts = ", ".join(f"{copied[name]} of {name} rows" for name in (*labelled, OTHERS) if copied[name])
    fact = f"unlabelled rows that are copies and left out: {counts}"
    return replace(data, unlabeled=data.unlabeled.take(own)), (fact,)


def _by_content(rows: Rows) -> dict[str, list[str]]:
    """The ids of the rows of each content."""
    found: dict[str, list[str]] = {}
    for row, content in zip(rows.id, rows.digest, strict=True):
        if content:
            found.setdefault(content, []).append(row)
    return found


def _conflicts(rows: Rows) -> list[str]:
    """Rows of the same content with different targets."""
    target_of = dict(zip(rows.id, rows.targets, strict=True))
    alike = [ids for ids in _by_content(rows).values() if len(ids) > 1]
    unlike = [(ids, found) for ids in alike if (found := _unlike([target_of[row] for row in ids]))]
    if not unlike:
        return []
    ids, (position, *pair) = unlike[0]
    named = " and ".join(f"{ids[place]} ({target_of[ids[place]][position]!r})" for place in pair)
    return [
        f"{sum(len(ids) for ids, _ in unlike)} training and validation rows have the content of one with another "
        f"target, such as {named}; correct the targets"
    ]


def _unlike(targets: Sequence[tuple[Any, ...]]) -> tuple[int, int, int] | None:
    """A problem, and the places of two rows that have other targets of it; a missing one is like all."""
    for position, column in enumerate(zip(*targets, strict=True)):
        there = [place for place, target in enumerate(column) if target is not None]
        for place in there[1:]:
            if column[place] != column[there[0]]:
                return position, there[0], place
    return None


def _rows(count: int, name: str) -> str:
    return f"{count} {name} row is a copy" if count == 1 else f"{count} {name} rows are copies"


def _pair(one: str, other: str) -> str:
    return f"{one} and {other}"
