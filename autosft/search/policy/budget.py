"""`Estimates`: what a trial will take, and what finishing needs."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import final

from autosft.contracts.recipe import Recipe
from autosft.contracts.record import TOO_FEW_VALID, Record
from autosft.runs.plan import Plan
from autosft.search.space import RelativeCost, Unlabeled

FINISH_SECONDS = 5.0
"""Writing the bundle, reading it again, and resampling the test score."""

ENSEMBLE_SECONDS = 3.0
"""Choosing an ensemble."""

REFIT_FRACTION = 0.25
"""The most of the budget that is held back for training the best recipe again on all rows; nothing is held back for
what would take longer."""

TEST_FRACTION = 0.2
"""The most of the budget that is held back for scoring the test rows; what is left at the end may allow more."""

FIRST_TEST_FRACTION = 0.1
"""What is held back for scoring the test rows as long as nothing was measured."""

SECOND_TRY_FRACTION = 0.15
"""What is held back for a second try as long as no trial has a score: if the first hangs, a new worker must start."""

FEWEST_TEST_ROWS = 50

ENOUGH_TEST_ROWS = 500
"""Models answer together only if there is time to score them on so many test rows, or on all: the standard error of an
accuracy is then two points at most."""

MARGIN = 1.25
"""Estimates are taken this much longer than measured."""

TELLING_SECONDS, TELLING_GIGAFLOPS = 1e-3, 0.02
"""A row that takes less, or has fewer multiply-adds, takes its time for other things, such as reading and views: it
tells nothing of what others take."""

TRAIN_TO_ENCODE = 4.0
"""Seconds of a training epoch per second of an encoding pass, until measured: forward, backward, validation."""


@final
class Estimates:
    """Seconds that things will take, from what past trials measured.

    Args:
        plan: For the numbers of rows, and the backbones' sizes: a backbone that was never measured is scaled by
            multiply-adds from one that was.
        records: Past trials.
        budget: The seconds of the whole search; None means without end.
        relative_cost: What a row costs under a recipe, as a fraction of what it costs under the defaults.
        unlabeled: How many rows without targets a recipe learns from, and what each costs; none by default.
    """

    def __init__(
        self,
        plan: Plan,
        records: Sequence[Record],
        budget: float | None,
        relative_cost: RelativeCost,
        unlabeled: Unlabeled = lambda _: (0, 0.0),
    ) -> None:
        self._facts, self._relative_cost = plan.facts, relative_cost
        self._unlabeled = unlabeled
        self._budget = float("inf") if budget is None else budget
        self._encode_per_row: dict[str, float] = {}  # of encoding, by backbone, at the cost of the defaults
        self._train: dict[str, dict[str, float]] = {}  # of an epoch, by backbone and strategy
        self._encoded: dict[tuple[str, float], int] = {}
        self._unlabeled_encoded: dict[tuple[str, float], int] = {}
        self._fits: dict[str, list[float]] = {}  # by strategy
        for record in records:
            if not record.seconds_per_row:
                continue
            for encoder in self._encoders(record.recipe):
                count = max(self._unlabeled_encoded.get(encoder, 0), self._unlabeled(record.recipe)[0])
                self._unlabeled_encoded[encoder] = count
            strategy = record.recipe.strategy
            if "fit" in record.seconds_per_row:
                self._fits.setdefault(strategy, []).append(record.seconds_per_row["fit"])
            backbone, fraction = record.recipe.backbone, relative_cost(record.recipe)
            if "train" in record.seconds_per_row:
                per_row = self._train.setdefault(backbone, {})
                if record.state != "interrupted" or strategy not in per_row:  # that of whole epochs, if there were any
                    per_row[strategy] = record.seconds_per_row["train"] / fraction
            if "encode" in record.seconds_per_row:
                self._encode_per_row[backbone] = record.seconds_per_row["encode"] / fraction
                key = backbone, fraction
                self._encoded[key] = max(self._encoded.get(key, 0), self.rows(record.recipe))
        self._work = {candidate.info.name: candidate.info.gigaflops for candidate in plan.candidates}

    @property
    def budget(self) -> float:
        """The seconds of the whole search."""
        return self._budget

    @property
    def folds(self) -> int:
        """How many times a recipe that trains the encoder is trained before it is judged: once, or where validation
        rows are too few in every fold."""
        return 1 + self._further_folds if self._facts.valid < TOO_FEW_VALID else 1

    @property
    def _further_folds(self) -> int:
        return self._facts.folds

    @property
    def measured(self) -> bool:
        """Whether any trial has told how long a row takes."""
        return bool(self._encode_per_row or self._train)

    @property
    def telling(self) -> bool:
        """Whether what was measured tells how long a row takes through encoders that were not."""
        return any(self._tells(backbone) for backbone in self._encode_per_row)

    def relative_cost(self, recipe: Recipe) -> float:
        """What a row costs under the recipe, as a fraction of what it costs under the defaults."""
        return self._relative_cost(recipe)

    def rows(self, recipe: Recipe) -> int:
        """The number of training rows that a recipe trains on."""
        return min(recipe.rows, self._facts.train) if recipe.rows else self._facts.train

    @property
    def all_rows(self) -> int:
        """The number of training rows."""
        return self._facts.train

    def encode_seconds(self, recipe: Recipe) -> float | None:
        """One row through the recipe's encoder; None if nothing was measured yet."""
        per_row = self._encode_seconds_per_row(recipe.backbone)
        return None if per_row is None else per_row * self._relative_cost(recipe)

    def train_seconds(self, recipe: Recipe) -> float | None:
        """One epoch per row of `epoch_rows`, with its validation; None if nothing was measured yet. Of a strategy that
        was not measured with the backbone, as long as the slowest of those that were."""
        if per_row := self._train.get(recipe.backbone):
            return per_row.get(recipe.strategy, max(per_row.values())) * self._relative_cost(recipe)
        encode = self.encode_seconds(recipe)
        return None if encode is None else encode * TRAIN_TO_ENCODE

    def probe_seconds(self, recipe: Recipe) -> float | None:
        """A cheap trial, some of whose rows are encoded already; None if nothing was measured yet."""
        encode = self.encode_seconds(recipe)
        if encode is None:
            return None
        encoded = self._encoded.get((recipe.backbone, self._relative_cost(recipe)))
        valid = self._facts.valid if encoded is None else 0
        fit = statistics.median(self._fits.get(recipe.strategy, [0.0]))
        fits = fit * self.rows(recipe) * (1 + self._further_folds)
        rows = encode * (max(0, self.rows(recipe) - (encoded or 0)) + valid)
        return MARGIN * (rows + self.unlabeled_seconds(recipe) + fits) + 2.0

    def unlabeled_seconds(self, recipe: Recipe) -> float:
        """Encoding the rows without targets that a cheap trial learns from, by its own encoder and those of the trials
        that it builds on, as far as no trial has done so."""
        seconds, (rows, _) = 0.0, self._unlabeled(recipe)
        for backbone, level in self._encoders(recipe):
            new = max(0, rows - self._unlabeled_encoded.get((backbone, level), 0))
            seconds += new * level * (self._encode_seconds_per_row(backbone) or 0.0)
        return seconds

    def _encoders(self, recipe: Recipe) -> list[tuple[str, float]]:
        """The encoders that a trial looks through: backbones, and what a row costs them beside their defaults."""
        recipes = [recipe, *(member.recipe for member in recipe.teacher)]
        return list(dict.fromkeys((one.backbone, self._relative_cost(one)) for one in recipes))

    def epochs_in(self, seconds: float, recipe: Recipe) -> float:
        """How many epochs of training the recipe fit; infinite if nothing was measured yet."""
        per_row = self.train_seconds(recipe)
        return float("inf") if per_row is None else seconds / (MARGIN * per_row * self.epoch_rows(recipe))

    def epoch_rows(self, recipe: Recipe) -> float:
        """How many training rows an epoch costs as much as: themselves, and what it does with rows without targets."""
        rows, cost = self._unlabeled(recipe)
        return self.rows(recipe) + cost * rows

    def rows_in(self, seconds: float, recipe: Recipe, epochs: int) -> int:
        """On how many training rows so many epochs fit."""
        per_row = self.train_seconds(recipe)
        others = self.epoch_rows(recipe) - self.rows(recipe)
        return self._facts.train if not per_row else int(max(0.0, seconds / (MARGIN * per_row * epochs) - others))

    def refit_seconds(self, record: Record) -> float:
        """Training the record's recipe again on training and validation rows."""
        rows = self.rows(record.recipe) + self._facts.valid
        if not record.best:  # a cheap strategy, whose rows are encoded already
            return MARGIN * record.seconds_per_row.get("fit", 0.0) * rows + 2.0
        rows = self.epoch_rows(record.recipe) + self._facts.valid
        return MARGIN * sum(record.best.values()) * rows * (self.train_seconds(record.recipe) or 0.0) + 2.0

    def refit_rows(self, record: Record, seconds: float) -> int:
        """On how many training rows, of which some must be encoded yet, a cheap recipe can be trained again; of others
        on as many as the recipe says."""
        rows = self.rows(record.recipe)
        encode = self.encode_seconds(record.recipe)
        if record.best or not encode:
            return rows
        more = max(0.0, seconds - self.refit_seconds(record)) / (
            MARGIN * (encode + record.seconds_per_row.get("fit", 0.0))
        )
        return min(self.all_rows, rows + int(min(more, self.all_rows)))

    def soup_seconds(self, best: Record, others: int) -> float:
        """Averaging the weights of a record with those of so many others, scoring each mean on the validation rows."""
        encode = self.encode_seconds(best.recipe) or 0.0
        return FINISH_SECONDS + MARGIN * (1 + others) * self._facts.valid * encode

    def answer_seconds(self, records: Sequence[Record]) -> float:
        """Answering all test rows with the models of these records."""
        encode = sum(self.encode_seconds(record.recipe) or 0.0 for record in records)
        return MARGIN * self._facts.test * encode

    def test_seconds(self, records: Sequence[Record]) -> float:
        """Bundling the models of these records and scoring them on the test rows, or on as many as their fraction of
        time allows."""
        return FINISH_SECONDS + min(self.answer_seconds(records), TEST_FRACTION * self._budget)

    def test_rows_in(self, seconds: float, records: Sequence[Record]) -> int:
        """How many test rows can be scored, but at least a few."""
        encode = sum(self.encode_seconds(record.recipe) or 0.0 for record in records)
        if not encode or seconds == float("inf"):
            return self._facts.test
        return max(FEWEST_TEST_ROWS, int((seconds - FINISH_SECONDS) / (MARGIN * encode)))

    def can_test(self, seconds: float, records: Sequence[Record]) -> bool:
        """Whether the models of these records can answer enough test rows together in so many seconds."""
        enough = min(self._facts.test, ENOUGH_TEST_ROWS)
        return not enough or self.test_rows_in(seconds, records) >= enough

    def finish_seconds(self, best: Record | None, members: Sequence[Record], *, refit: bool) -> float:
        """What is held back for the end of the search.

        Args:
            best: The trial that would be taken alone; None as long as none has a score: then a second try is paid for.
            members: Those that would be taken together; if they could not answer enough test rows in their fraction of
                time, they will not be.
            refit: Whether those that are taken are trained again on all rows, as many as their fraction of time allows.
        """
        if best is None:
            fraction = FIRST_TEST_FRACTION + SECOND_TRY_FRACTION
            return FINISH_SECONDS + (fraction * self._budget if self._budget < float("inf") else 0.0)
        ensemble = len(members) > 1 and self.can_test(FINISH_SECONDS + TEST_FRACTION * self._budget, members)
        taken = members if ensemble else [best]
        again = 0.0
        for record in taken if refit else ():
            seconds = self.refit_seconds(record)
            again += seconds if again + seconds <= REFIT_FRACTION * self._budget else 0.0
        return self.test_seconds(taken) + again + (ENSEMBLE_SECONDS if ensemble else 0.0)

    def _encode_seconds_per_row(self, backbone: str) -> float | None:
        """One row through an encoder at the cost of the defaults: as measured, or by its multiply-adds and those of
        others; None if nobody tells."""
        if per_row := self._encode_per_row.get(backbone):
            return per_row
        scaled = [
            per_row * self._work[backbone] / self._work[other]
            for other, per_row in self._encode_per_row.items()
            if self._tells(other) and self._work[backbone]
        ]
        return statistics.median(scaled) if scaled else None

    def _tells(self, backbone: str) -> bool:
        return self._work.get(backbone, 0.0) >= TELLING_GIGAFLOPS and self._encode_per_row[backbone] >= TELLING_SECONDS
