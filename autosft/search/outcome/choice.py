"""`choose`: which trial becomes the bundle. `contenders`: which may yet become it. Both by what few rows can tell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from autosft.contracts.recipe import Recipe
from autosft.contracts.record import TOO_FEW_VALID, Record
from autosft.data.resampling import DEVIATIONS
from autosft.host.registry import Registry
from autosft.runs.plan import Plan

ENOUGH_PERFECT = 300
"""A perfect score on so many rows ends a search: if none of n rows is wrong, at most 3 / n of all are, with a
confidence of 95 % (the rule of three: Hanley and Lippman-Hand, 1983). On a handful of rows it says little."""


PRIOR_WEIGHT = 4.0
"""A prior counts as so many standard errors of the best score, times the prior: see docs/explanation/search.md."""

MOST_ENCODERS = 3
"""Through so many other encoders rows are seen, beside the trial's own: each has to encode all of them."""


@dataclass(frozen=True)
class Expected:
    """What is known of trials before they are tried.

    Attributes:
        frozen: The prior of each strategy that leaves the encoder as it was.
        backbones: The prior of each backbone.
    """

    frozen: Mapping[str, float]
    backbones: Mapping[str, float]

    @classmethod
    def of(cls, registry: Registry, plan: Plan) -> Self:
        """By what the strategies and backbones of a plan say of themselves."""
        tried = {name for candidate in plan.candidates for name in candidate.strategies}
        frozen = {name: one.prior for name, one in registry.strategies.items() if one.cheap and name in tried}
        return cls(frozen, {one.info.name: one.info.prior for one in plan.candidates})

    def prior(self, recipe: Recipe) -> float:
        """The prior of the backbone, less what a frozen strategy is behind the most promising frozen one. Whether an
        encoder should be trained is for the rows to say."""
        best = max(self.frozen.values(), default=0.0)
        return self.backbones.get(recipe.backbone, 0.0) + self.frozen.get(recipe.strategy, best) - best


def choose(records: Sequence[Record], expected: Expected) -> Record | None:
    """The best trial that is as simple as the validation rows allow; None if no trial has a score.

    The one-standard-error rule (Breiman et al., 1984): over few rows the highest score of many trials is luck to a
    good part. Of the trials within one standard error of the highest score, those with a frozen encoder go first; among
    them those that were trained on the most rows, and among these the highest score. With many validation rows the
    error is small, and the highest score wins. With fewer than 100, a trial that trains its encoder goes before those
    that do not only if these lie outside the 95 % interval of its score. Scores are weighed against what was known
    before: see `weighed`.
    """
    scored = [record for record in records if record.state == "done" and record.score is not None]
    if not scored:
        return None
    values = weighed(scored, expected)
    best = min(scored, key=lambda record: standing(record, values))
    return next(iter(_frozen(within_an_error(scored, values), expected, values)), best)


def within_an_error(scored: Sequence[Record], values: Mapping[int, float]) -> list[Record]:
    """The trials within one standard error of the best, or where that was scored on fewer than 100 rows within the
    95 % interval of its score."""
    best = min(scored, key=lambda record: standing(record, values))
    return near(scored, values, DEVIATIONS if 0 < best.rows < TOO_FEW_VALID else 1.0)


def near(scored: Sequence[Record], values: Mapping[int, float], deviations: float) -> list[Record]:
    """The trials within so many standard errors of the best, the best first."""
    ranked = sorted(scored, key=lambda record: standing(record, values))
    least = values[ranked[0].number] - deviations * (ranked[0].score_error or 0.0)
    return [record for record in ranked if not values[record.number] < least]


def weighed(scored: Sequence[Record], expected: Expected) -> Mapping[int, float]:
    """What each trial would score on the most rows that any was scored on, with what was known of its backbone and its
    strategy before; by its number.

    A trial which was scored on the validation split alone counts as much above or below the best that was
    cross-validated as it is on the validation split. Priors count in standard errors of the best score: much where rows
    are few, little where they are many.
    """
    crossed = [record for record in scored if record.split_score is not None]
    reference = min(crossed, key=Record.order, default=None)
    easier = 0.0
    if reference and reference.score is not None and reference.split_score is not None:
        easier = reference.split_score - reference.score
    values = {
        record.number: (record.score or 0.0) - (easier if record.split_score is None else 0.0) for record in scored
    }
    best = min(scored, key=lambda record: standing(record, values), default=None)
    error = best.score_error if best and best.score_error and math.isfinite(best.score_error) else 0.0
    return {
        record.number: values[record.number] + PRIOR_WEIGHT * error * expected.prior(record.recipe) for record in scored
    }


def on_the_split(record: Record) -> Record:
    """The record with the score that the trial had on the validation split alone."""
    return record.model_copy(update={"score": record.score if record.split_score is None else record.split_score})


def least_score(best: Record | None, valid: int) -> float | None:
    """The score on a validation split of so many rows from which on a trial may be better than the one that would be
    chosen now: that within its standard error there, or where rows are few its 95 % interval; None if there is none."""
    score = on_the_split(best).score if best else None
    if best is None or score is None:
        return None
    error = (best.score_error or 0.0) * math.sqrt(max(1.0, best.rows / valid))
    return score - (DEVIATIONS if valid < TOO_FEW_VALID else 1.0) * error


def is_perfect(record: Record, highest: float) -> bool:
    """Whether a trial has the highest score there is, on enough rows to say that nothing is left to gain."""
    return (
        record.state == "done"
        and record.rows >= ENOUGH_PERFECT
        and record.score is not None
        and record.score >= highest
    )


def contenders(records: Sequence[Record], expected: Expected, count: int) -> set[int]:
    """The numbers of the trials whose models are worth their disk: the best few, the best with a frozen encoder, and
    the one that would be chosen now."""
    scored = [record for record in records if record.state == "done" and record.score is not None]
    values = weighed(scored, expected)
    best = sorted(scored, key=lambda record: standing(record, values))[:count]
    chosen = choose(records, expected)
    kept = [*best, *_frozen(scored, expected, values)[:1], *([chosen] if chosen else [])]
    return {record.number for record in kept}


def lenders(records: Sequence[Record], expected: Expected) -> dict[str, int]:
    """The numbers of the trials whose encoders others may look through, by backbone, the best first: the best of each
    backbone that left its encoder as it was, and that looked through no others itself."""
    scored = [
        one
        for one in records
        if one.score is not None and one.recipe.strategy in expected.frozen and not one.recipe.teacher
    ]
    values = weighed(scored, expected)
    best: dict[str, int] = {}
    for record in sorted(scored, key=lambda record: standing(record, values)):
        best.setdefault(record.recipe.backbone, record.number)
    return best


def standing(record: Record, values: Mapping[int, float]) -> tuple[float, float, int]:
    """Sorts trials from best to worst: by score, then by loss, then by age."""
    return -values[record.number], record.loss if record.loss is not None else math.inf, record.number


def _frozen(scored: Sequence[Record], expected: Expected, values: Mapping[int, float]) -> list[Record]:
    """Trials with a frozen encoder: those on more rows first, then the better ones."""
    frozen = [record for record in scored if record.recipe.strategy in expected.frozen]
    return sorted(frozen, key=lambda record: (-(record.recipe.rows or math.inf), *standing(record, values)))
