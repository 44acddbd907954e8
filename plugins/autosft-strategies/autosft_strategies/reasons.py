"""Why a strategy does not take a backbone, as `Strategy.accepts` gives it; an empty text if nothing speaks against
it."""

from __future__ import annotations

from collections.abc import Sequence

from autosft.api import BackboneInfo, Problem


def against_freezing(info: BackboneInfo, problems: Sequence[Problem]) -> str:
    """The encoder must know something, and every problem be content with one pooled vector per row."""
    if info.origin == "scratch":
        return "an encoder that learns from scratch says nothing while it is frozen"
    if whole := [problem.name for problem in problems if not problem.loss_per_row]:
        return f"it solves for the losses of rows, and {whole[0]} has one of a whole batch"
    if moved := [problem.name for problem in problems if problem.offers("wrap")]:
        return f"encoded rows do not know how they were seen, by which {moved[0]} maps its targets and answers"
    more = sorted(set().union(*(problem.needs for problem in problems)) - {"pooled"})
    return f"it reads pooled features alone, not {', '.join(more)}" if more else ""


def against_labelling(info: BackboneInfo, problems: Sequence[Problem]) -> str:
    """Frozen encoders, whose heads label rows without targets by class, for one target."""
    if len(problems) > 1:
        return "it labels rows for one target"
    if not (problems[0].offers("is_logistic") and problems[0].offers("pseudo_labels")):
        return f"it labels rows by class, which {problems[0].name} does not have"
    return against_freezing(info, problems)


def against_training(info: BackboneInfo) -> str:
    """The encoder must have something to train."""
    return "nothing in this encoder can be trained" if info.origin == "fitted" else ""


def against_training_in_part(info: BackboneInfo) -> str:
    """The encoder must have something to train, and what stays frozen know something."""
    frozen = "what stays frozen of an encoder that learns from scratch says nothing"
    return frozen if info.origin == "scratch" else against_training(info)
