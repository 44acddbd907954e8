"""What came out: `Epoch` and `Record` of one trial, `Result` of one search.

All three are plain JSON. `Result` is the contract between running and reporting.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from autosft.contracts.document import Document
from autosft.contracts.notebook import html_card
from autosft.contracts.recipe import Recipe

RUN_SCHEMA = 5
"""The version of `run.json`."""

SCHEMA = 1
"""The version of `result.json`."""

TOO_FEW_VALID = 100
"""A standard error of three points and more cannot tell trials apart: with fewer validation rows, trials that train the
encoder are cross-validated too, as far as time allows."""

Ending = Literal["done", "paused", "stopped", "diverged", "out_of_memory", "cannot_write", "failed", "interrupted"]


class Epoch(Document):
    """One epoch of one stage.

    Attributes:
        stage: The name of the stage.
        number: The number of the epoch in its stage, from 1.
        loss: The mean training loss.
        score: The validation score, higher is better; None where nothing was validated.
        seconds: How long it took, validation included.
    """

    stage: str
    number: int
    loss: float
    score: float | None = None
    seconds: float


class Shift(Document):
    """How unlike the training rows other rows are (classifier two-sample test: Lopez-Paz and Oquab, 2017).

    Attributes:
        auroc: How well a linear classifier on frozen features tells rows that it has not seen apart: 0.5 if they are
            alike, 1 if nothing is.
        interval: Its 95 % bootstrap percentile interval over rows, or over groups of them (Efron, 1979).
        rows: How many rows of both kinds were looked at.
    """

    auroc: float
    interval: tuple[float, float]
    rows: int


class Record(Document):
    """The outcome of one trial.

    Attributes:
        number: The trial's number in the study.
        state: How it ended.
        recipe: What was trained.
        score: The validation score, higher is better; None if none was reached. Of a trial that was cross-validated,
            that of the out-of-fold answers to training and validation rows together.
        score_error: The standard error of the score over rows, by bootstrap (Efron, 1979).
        split_score: The score on the validation split alone, where `score` is cross-validated.
        interval: 95 % bootstrap percentile interval of the score over rows (Efron, 1979), where it was asked for.
        loss: The validation loss of the scored weights; breaks ties of `score`. None where a problem has none.
        epochs: Every epoch that was trained.
        best: For each stage, the number of epochs after which its best weights stood.
        seconds: Wall-clock seconds of the trial.
        ended: When it paused or ended, in seconds of the run's clock; None if nobody looked.
        ingredients: Of a soup, the trials whose weights were averaged, the best first; empty for a trial as it is.
        micro_batch: The most rows at once, where memory ran out with more; 0 if a whole batch fitted.
        peak_bytes: The largest resident memory of the worker, all its processes together (CPU), or of a device (GPU).
        seconds_per_row: Measured seconds per row: `"encode"` once through the encoder, `"train"` for one epoch, `"fit"`
            for a strategy's fits on encoded rows.
        parameters: All parameters of the model.
        trained: The parameters that were trained.
        error: Why it failed, in one line.
        failed_teachers: The trials whose models were to teach it and could not; then neither its strategy nor its
            backbone is to blame for the failure.
        rows: How many rows were scored: of a trial those of the validation split, or of all folds where it was
            cross-validated; of a `"test"` fewer than asked for where there was no time for more.
        unlabeled: How many rows without targets it learned from, or the encoder that it starts from did.
        pseudo_labels: How many of them had each label in the end, where its strategy labelled them: by label, or
            under an empty text where targets are no labels.
        shift: How unlike the training rows the `"valid"`, the `"unlabeled"`, or of a `"test"` the `"test"` rows are, as
            far as that was measured.
        notes: What the user should know beside that, one line each: that long texts were cut, or a checkpoint damaged.
    """

    number: int
    state: Ending
    recipe: Recipe
    score: float | None = None
    score_error: float | None = None
    split_score: float | None = None
    interval: tuple[float, float] | None = None
    loss: float | None = None
    epochs: tuple[Epoch, ...] = ()
    best: Mapping[str, int] = {}
    seconds: float = 0.0
    ended: float | None = None
    ingredients: tuple[int, ...] = ()
    micro_batch: int = 0
    peak_bytes: int = 0
    seconds_per_row: Mapping[str, float] = {}
    parameters: int = 0
    trained: int = 0
    error: str = ""
    failed_teachers: tuple[int, ...] = ()
    rows: int = 0
    unlabeled: int = 0
    pseudo_labels: Mapping[str, int] = {}
    shift: Mapping[str, Shift] = {}
    notes: tuple[str, ...] = ()

    def order(self) -> tuple[float, float, float, int]:
        """Sorts records from best to worst: by score, then by loss, then by age; without a score, last.

        A score on the validation split alone, where that has fewer than 100 rows, comes after all that are of more.
        """
        says_little = self.rows < TOO_FEW_VALID and self.split_score is None
        scored = self.state in ("done", "paused", "stopped") and self.score is not None
        loss = self.loss if self.loss is not None else float("inf")
        score = -self.score if scored and self.score is not None else float("inf")
        return float(says_little), score, loss, self.number


class Result(Document):
    """The published outcome of one search.

    Attributes:
        schema_version: The version of this format.
        task: The task's name.
        entry: Who competed: the name of the search's settings.
        seed: The search's seed.
        metric: The name of the score; higher is better.
        valid: The validation score of the trial in the bundle, or of the ensemble.
        test: The bundle's test score, or None without a test split.
        interval: 95 % bootstrap percentile interval of the test score over rows (Efron, 1979).
        test_rows: How many test rows were scored: fewer than there are where time did not allow more.
        test_reads: How often the test split has been read by this run.
        shift: How unlike the training rows the `"valid"`, `"unlabeled"` and `"test"` rows are, where that was measured:
            of validation rows that were not drawn at random, and of rows without targets that are learned from, with
            the first features of a pretrained encoder; of test rows after they were scored, if there was time. Nothing
            is chosen by it.
        best: The record of each member of the bundle, that with the largest weight first.
        weights: The weight of each in the answers; they add up to 1.
        refitted: The numbers of those that were trained again: on the validation rows too, unless the data itself
            calls them so, and on more training rows, where a frozen encoder had seen a part of them.
        interrupted: Whether the user ended the search before its time; the same command goes on with it.
        trials: How many trials ended in each state.
        budget: The seconds that were allowed; None if only trials were counted.
        trial_limit: The trials that were allowed; None if only the clock counted.
        seconds: The seconds that were used, by phase and in total.
        versions: Distributions and their versions.
        bundle: The bundle's folder, relative to the run's.
    """

    schema_version: int = SCHEMA
    task: str
    entry: str = "autosft"
    seed: int
    metric: str
    valid: float
    test: float | None = None
    interval: tuple[float, float] | None = None
    test_rows: int = 0
    test_reads: int = 0
    shift: Mapping[str, Shift] = {}
    best: tuple[Record, ...]
    weights: tuple[float, ...] = (1.0,)
    refitted: tuple[int, ...] = ()
    interrupted: bool = False
    trials: Mapping[str, int]
    budget: float | None = None
    trial_limit: int | None = None
    seconds: Mapping[str, float]
    versions: Mapping[str, str]
    bundle: str = "best"

    def _repr_html_(self) -> str:
        models = [f"{one.recipe.strategy} on {one.recipe.backbone}" for one in self.best]
        weights = [f"{weight:.2f} " for weight in self.weights] if len(models) > 1 else [""]
        facts = [("model", ", ".join(map("".join, zip(weights, models, strict=True))))]
        if self.test is not None and self.interval is not None:
            low, high = self.interval
            within = f"(95 % interval {low:.4f} to {high:.4f}; {self.test_rows} rows)"
            facts.append((f"test {self.metric}", f"{self.test:.4f} {within}"))
        facts.append((f"validation {self.metric}", f"{self.valid:.4f}"))
        facts.append(("trials", ", ".join(f"{count} {state}" for state, count in self.trials.items() if count)))
        allowed = f" of {self.budget:.0f}" if self.budget else ""
        facts.append(("seconds", f"{self.seconds['total']:.0f}{allowed}"))
        return html_card(f"AutoSFT result: {self.task}", facts)
