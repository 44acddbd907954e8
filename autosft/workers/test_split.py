"""`score_on_test`, `shift_on_test`: the bundle on the test rows, which nothing else reads, when all is chosen."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from autosft.contracts.outputs import TEST_OUTPUTS, StoredOutputs
from autosft.contracts.problem import Outputs
from autosft.contracts.record import Shift
from autosft.contracts.rows import Rows
from autosft.contracts.trial import Runtime, Trial
from autosft.data.resampling import bootstrap
from autosft.data.splits import portions, subset
from autosft.errors import BadInput, CannotWrite
from autosft.host.registry import Registry
from autosft.runs.run import OUTPUTS_FRACTION, Run
from autosft.training.seeds import seed_of

if TYPE_CHECKING:
    import torch

PORTION = 256
"""Test rows that are answered together; after each portion it is seen whether there is time for another."""

RESAMPLES, FEWEST_RESAMPLES = 1000, 50
CONFIDENCE = 0.95

ROOM_FOR_A_PORTION = 1.25
"""Another portion is answered if it may take so many times the seconds of the one before."""

RESAMPLE_SECONDS, RESAMPLE_FRACTION = 2.0, 0.5
"""Resampling may take so long, or such a fraction of the time that is left; very many test rows are drawn less
often."""


def score_on_test(
    run: Run, registry: Registry, device: torch.device, count: int, seconds_left: Callable[[], float]
) -> dict[str, Any]:
    """The bundle's score on so many test rows, or on as many as there is time for, how many that were, its 95 %
    bootstrap percentile interval over rows (Efron, 1979), of 1,000 draws or as many as there is time for, and notes:
    fields of a record. The answers are left in the run's folder, for reports.

    Called by a worker, where everything is warm; from the bundle as it lies on disk, as a user would predict.
    """
    from autosft.deploy.predictor import Predictor

    if run.data.test is None:
        raise BadInput(f"{run.folder}: the run has no test rows.")
    predictor = Predictor.load(run.folder / "best", device=str(device), registry=registry)
    seed = run.document.spec.seed
    answered: list[Rows] = []
    answers: list[list[Outputs]] = []
    for some in portions(run.data.test, count, PORTION):
        started = time.monotonic()
        answered.append(some)
        answers.append(predictor.outputs(some))
        if seconds_left() < ROOM_FOR_A_PORTION * (time.monotonic() - started):
            break
    rows = sum(answered[1:], start=answered[0])
    outputs = [Outputs.concat(several) for several in zip(*answers, strict=True)]
    score = predictor.scorer(outputs, rows)
    whole = score(np.arange(len(rows)))  # the first time it also imports what it needs
    started = time.monotonic()
    score(np.arange(len(rows)))
    allowed = max(RESAMPLE_SECONDS, RESAMPLE_FRACTION * seconds_left())
    affordable = allowed / max(1e-6, time.monotonic() - started)
    resamples = RESAMPLES if affordable > RESAMPLES else max(FEWEST_RESAMPLES, int(affordable))
    scores = bootstrap(score, rows.group_ids(), seed=seed_of(seed, "bootstrap"), resamples=resamples)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(scores, [tail, 1 - tail])
    interval = float(low), float(high)
    return {
        "score": whole,
        "interval": interval,
        "rows": len(rows),
        "notes": _left(run, StoredOutputs(rows, tuple(outputs), predictor.states)),
    }


def _left(run: Run, stored: StoredOutputs) -> tuple[str, ...]:
    """Leave the answers to the test rows in the run's folder; why not, if they are not there then."""
    size = sum(array.nbytes for outputs in stored.outputs for array in outputs.arrays.values())
    if size > OUTPUTS_FRACTION * run.document.spec.disk * 1e9:
        return (f"the answers to the test rows are not kept for reports: {size / 1e6:.0f} MB",)
    try:
        stored.write(run.folder / TEST_OUTPUTS)
    except CannotWrite as error:  # the score stands nevertheless
        return (f"the answers to the test rows are not kept for reports: {error}",)
    return ()


def shift_on_test(run: Run, trial: Trial, runtime: Runtime, count: int, seconds: float) -> Shift | None:
    """How unlike the training rows the scored test rows are, by the trial's encoder as it is loaded; None if that would
    take longer than scoring them did, or than there is time.

    Called by a worker when all is chosen and scored, so that nothing can follow from it. It sees no target.
    """
    from autosft.training.features import unencoded
    from autosft.training.model import build_model
    from autosft.training.shift import sample_of, shift_of

    if run.data.test is None:
        return None
    seed = run.document.spec.seed
    scored = subset(run.data.test, count)
    train, test = sample_of(trial.train, seed), sample_of(scored, seed)
    new = sum(unencoded(trial.parts, runtime, some) for some in (train, test))
    if new > len(scored) or runtime.seconds_left() < 2 * seconds:
        return None
    return shift_of(trial.parts, runtime, build_model(trial.parts, runtime).encoder, train, test)
