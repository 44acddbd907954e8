"""What a user should know of the targets before the clock runs. Of test rows only labels are counted."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any

from autosft.contracts.problem import Problem
from autosft.contracts.rows import Data, Rows
from autosft.data.stratify import several_of

FEW_ROWS = 5
"""A label with fewer training rows than this is worth a warning."""

IMBALANCE = 10
"""So many times as many training rows as the rarest label has are worth one, too."""

BALANCED = ("balanced_accuracy", "f1_macro")
"""Scores in which every label counts alike, to be advised."""

OWN_LABELS, LEAST_ROWS = 0.9, 20
"""Above this fraction of rows with a label of their own, among so many, labels are rather names of rows."""


def label_warnings(data: Data, problem: Problem, metric: str) -> list[str]:
    """Targets that may be wrong, or too rare to learn; each with what to do."""
    counts, labelled = labels_of(data.train, problem), len(data.train.with_target(0))
    if len(counts) > OWN_LABELS * labelled >= OWN_LABELS * LEAST_ROWS:
        return [
            f"{len(counts)} different labels in {labelled} training rows: they look like names of rows, of "
            "which nothing can be learned; name the target with --target"
        ]
    warnings: list[str] = []
    few = sorted(label for label, count in counts.items() if count < FEW_ROWS)
    if few and len(few) < labelled:
        warnings.append(f"fewer than {FEW_ROWS} training rows: {listed(few)}")
    held_out = {"validation": data.valid, "test": data.test}
    found = {name: labels_of(rows, problem) for name, rows in held_out.items() if rows is not None}
    for name, labels in found.items():
        if unseen := sorted(labels.keys() - counts.keys()):
            warnings.append(f"only among the {name} rows, so always wrong there: {listed(unseen)}")
    warnings += _imbalance(counts, problem, metric)
    warnings += _variants(set(chain(counts, *found.values())))
    train, valid = (rows.with_target(0).target(0) for rows in (data.train, data.valid))
    return warnings + _numbering(train) + _constant(valid)


def listed(names: Sequence[str]) -> str:
    """The first five names, and how many more there are."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def labels_of(rows: Rows, problem: Problem) -> Counter[str]:
    """How many rows each label has: the strata that have a name."""
    strata = problem.strata(rows.with_target(0).target(0)) or ()
    return Counter(one for stratum in strata for one in several_of(stratum) if isinstance(one, str))


def _imbalance(counts: Counter[str], problem: Problem, metric: str) -> list[str]:
    ranked = counts.most_common()
    if len(ranked) < 2 or ranked[0][1] < IMBALANCE * ranked[-1][1]:
        return []
    (most, many), (least, few) = ranked[0], ranked[-1]
    text = f"{many} training rows are {most!r} and {few} are {least!r}, {many / few:.0f} to 1"
    fair = [name for name in BALANCED if name in problem.metrics]
    if not fair or metric in fair or "regular.balance" not in problem.ignores_for(metric):
        return [text]
    return [f"{text}; if rare labels matter as much, say --metric {' or '.join(fair)}"]


def _variants(labels: set[str]) -> list[str]:
    """Labels that differ by case, blanks or Unicode form alone."""
    alike: dict[str, list[str]] = {}
    for label in sorted(labels):
        alike.setdefault(" ".join(unicodedata.normalize("NFKC", label).casefold().split()), []).append(label)
    pairs = [" and ".join(map(repr, names)) for names in alike.values() if len(names) > 1]
    if not pairs:
        return []
    return [f"labels that differ by case, blanks or Unicode form alone: {listed(pairs)}; make one of them if they are"]


def _numbering(targets: Sequence[Any]) -> list[str]:
    """Numbers that count the rows."""
    if len(targets) < LEAST_ROWS or not all(isinstance(target, (int, float)) for target in targets):
        return []
    different = set(targets)
    whole = all(float(target).is_integer() for target in different)
    if not whole or len(different) < len(targets) or max(different) - min(different) > 2 * len(targets):
        return []
    return ["the target is another whole number in each row, as if rows were counted; name the target with --target"]


def _constant(targets: Sequence[Any]) -> list[str]:
    if len(targets) < 2 or len(set(targets)) > 1:
        return []
    return [f"the target is {targets[0]!r} in all validation rows, so they can hardly tell trials apart"]
