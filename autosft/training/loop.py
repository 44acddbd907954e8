"""The one training loop: `train` turns a trial into a trained model, stage by stage, epoch by epoch.

It knows no strategy, modality or problem by name, and neither study nor clock: it asks its runtime for the time left.
After every epoch a checkpoint is written; a killed trial goes on from there and ends with the same weights, bit for bit
on the CPU with the same number of threads. Where one is damaged, it goes on from the last sound one, and says so.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import torch

from autosft.contracts.record import Epoch
from autosft.contracts.rows import Rows
from autosft.contracts.strategy import Stage, Strategy
from autosft.contracts.tensors import Model
from autosft.contracts.trial import Runtime, Trial
from autosft.errors import Diverged, OutOfTime
from autosft.training.acceleration import autocast, products_in
from autosft.training.checkpoint import Checkpoints
from autosft.training.device import sums_in
from autosft.training.evaluation import evaluate
from autosft.training.features import encoding_seconds
from autosft.training.model import build_model, start_from
from autosft.training.optim.penalties import Penalties
from autosft.training.optim.stepper import Stepper
from autosft.training.progress import Progress, learned, load_learned, restore, state_of
from autosft.training.ranks import add_up_gradients, align, first_says, parts_for, total_of
from autosft.training.seeds import seed_everything, seed_of
from autosft.training.stages import seeded, within_memory
from autosft.training.stopping import Patience
from autosft.training.trained import Paused, Trained

Emit = Callable[[Epoch], None]

LOOK_STEPS = 50
"""After so many steps it is seen whether the loss is finite: on a GPU every look waits for all that was asked of it."""

ROOM_FOR_AN_EPOCH = 1.3
"""Another epoch starts only if the longest so far, times this, fits into the seconds left."""


def train(
    trial: Trial, runtime: Runtime, strategy: Strategy, emit: Emit | None = None, *, more: bool = True
) -> Trained:
    """Train a trial, or go on where a checkpoint in its folder stands.

    What the user should know is also noted on every exception raised (`BaseException.add_note`).

    Args:
        trial: What to train, on what.
        runtime: Where.
        strategy: How.
        emit: Called after every epoch.
        more: Whether to train any more where a checkpoint stands.

    Raises:
        Diverged: A loss or a score is not finite.
        OutOfTime: The seconds ran out before anything was trained to a score.
        Paused: The trial has done the epochs after which it pauses.
        BadWeights: A weights file is damaged or does not fit.
    """
    trial.folder.mkdir(parents=True, exist_ok=True)
    checkpoints, told = Checkpoints(trial.folder, writes=runtime.rank == 0), list[str]()
    try:
        return _train(trial, runtime, strategy, checkpoints, emit, more, told)
    except Exception as problem:
        for note in (*checkpoints.notes, *told):
            problem.add_note(note)
        raise


@dataclass(frozen=True)
class _Training:
    """What the stages of a trial share."""

    trial: Trial
    runtime: Runtime
    checkpoints: Checkpoints
    penalties: Penalties
    progress: Progress
    emit: Emit | None
    more: bool
    epoch_rows: float


def _train(
    trial: Trial,
    runtime: Runtime,
    strategy: Strategy,
    checkpoints: Checkpoints,
    emit: Emit | None,
    more: bool,
    told: list[str],
) -> Trained:
    parts, seed = trial.parts, trial.parts.recipe.seed
    model = build_model(parts, runtime)
    if parts.recipe.start:
        start_from(trial, model.encoder)
    if runtime.compile and not strategy.cheap:
        model.encoder.compile()  # in place: names in checkpoints stay as they are
    penalties = Penalties(parts, model)  # they remember the weights to start from
    progress = Progress(runtime.eval_batch)
    rows = strategy.epoch_rows(len(trial.train), len(trial.unlabeled))
    training = _Training(trial, runtime, checkpoints, penalties, progress, emit, more, rows)
    names, fitting = set[str](), 0.0
    for number, part in seeded(seed, strategy.stages(trial, runtime, model)):
        if part.name in names:
            raise ValueError(f"Strategy {strategy.name!r} yields two stages named {part.name!r}.")
        names.add(part.name)
        if isinstance(part, Stage):
            stage, why = within_memory(part, parts.recipe, runtime)
            told += why
            _train_stage(training, number, stage)
            continue
        started = time.perf_counter() - encoding_seconds(runtime)
        part.run()
        fitting += time.perf_counter() - encoding_seconds(runtime) - started
        if not progress.best:
            progress.trained = sum(parameter.numel() for parameter in model.heads.parameters())
    seed_everything(seed_of(seed, "finish"))
    strategy.finish(trial, runtime, model)
    judged = len(trial.valid) and runtime.rank == 0
    evaluation = evaluate(parts, runtime, model, trial.valid, cached=strategy.cheap) if judged else None
    epochs, notes = tuple(progress.epochs), (*checkpoints.notes, *told)
    return Trained(model, evaluation, epochs, progress.best, progress.trained, fitting, notes)


def _train_stage(training: _Training, number: int, stage: Stage) -> None:
    """Train one stage to its end, and leave its best weights in the model.

    If there is no time for its first epoch, the trial ends with what the stages before it gave, if they gave a score.
    """
    replay, progress, checkpoints = training.trial.replay, training.progress, training.checkpoints
    if done := checkpoints.finished(number, stage.name):
        restore(stage, done, progress)
        return
    earlier, progress.trained = progress.trained, sum(p.numel() for group in stage.parameters for p in group["params"])
    current = _UnderWay(training, number, stage)
    align(training.runtime, stage)
    limit = stage.epochs if replay is None else replay.get(stage.name, stage.epochs)
    before = copy.deepcopy(stage.model.state_dict()) if progress.validated and not current.epoch else None
    while current.epoch < limit and current.goes_on():
        try:
            current.advance()
        except OutOfTime:
            if not current.epoch and before is None:
                raise
            break
        before = None
    if current.epoch or not limit:
        current.settle()
        if training.more and current.epoch < limit and not stage.valid:
            done = f"stage {stage.name!r} ended after {current.epoch} of {limit} epochs"
            checkpoints.notes.append(f"{done}: there was no time for more")
    elif before is None:
        raise OutOfTime(f"The time was up before stage {stage.name!r} had begun.")
    else:
        stage.model.load_state_dict(before)
        progress.trained = earlier
        checkpoints.notes.append(f"stage {stage.name!r} was left out: there was no time for its first epoch")
    progress.best[stage.name] = current.best_epoch
    checkpoints.finish(number, state_of(stage, progress))


@final
class _UnderWay:
    """A stage between its first epoch and its last, from its beginning or from where a checkpoint stands."""

    def __init__(self, training: _Training, number: int, stage: Stage) -> None:
        self._training, self._number, self._stage = training, number, stage
        self._trial, self._runtime, self._recipe = training.trial, training.runtime, training.trial.parts.recipe
        self._stepper = Stepper(stage, self._recipe.optim, training.penalties)
        self._best: dict[str, Any] | None = None
        self.patience, self.epoch = Patience(), 0
        if last := training.checkpoints.under_way(number, stage.name):
            restore(stage, last, training.progress)
            self._stepper.restore(last["stepper"])
            self.patience, self._best, self.epoch = Patience(**last["patience"]), last["best_weights"], last["epoch"]

    def goes_on(self) -> bool:
        """Whether another epoch is worth it and fits; asked of saved state, so that a resumed trial answers the same.

        Raises:
            Paused: The trial has done the epochs after which it pauses.
        """
        trial, progress = self._trial, self._training.progress
        longest = max((done.seconds for done in progress.epochs if done.stage == self._stage.name), default=0.0)
        in_time = first_says(self._runtime, lambda: self._runtime.seconds_left() >= ROOM_FOR_AN_EPOCH * longest)
        enough = trial.early_stopping and self.patience.exhausted(self._recipe.stop)
        if not (self._training.more and in_time) or enough:
            return False
        if trial.pause_after is not None and progress.validated >= trial.pause_after:
            raise Paused(progress)
        return True

    def advance(self) -> None:
        """Train another epoch, validate, and write down where the stage stands."""
        stage, progress = self._stage, self._training.progress
        seed = seed_of(self._recipe.seed, stage.name, self.epoch)
        seed_everything(seed_of(seed, "rank", self._runtime.rank) if self._runtime.rank else seed)
        started = time.perf_counter()
        with products_in(self._runtime.precision):
            loss = self._train_epoch(seed)
        self.epoch += 1
        score = self._validate()
        seconds = time.perf_counter() - started
        progress.epochs.append(Epoch(stage=stage.name, number=self.epoch, loss=loss, score=score, seconds=seconds))
        checkpoint = {**state_of(stage, progress), "stepper": self._stepper.state(), "epoch": self.epoch}
        checkpoint |= {"patience": self.patience.plain(), "best_weights": self._best}
        self._training.checkpoints.save(self._number, checkpoint)
        if self._training.emit:
            self._training.emit(progress.epochs[-1])

    @property
    def best_epoch(self) -> int:
        """After how many epochs the weights stood that are kept."""
        return self.patience.epoch if self._trial.early_stopping and self.patience.epoch else self.epoch

    def settle(self) -> None:
        """Leave the best weights in the model, or where nothing was validated the last ones."""
        load_learned(self._stage, self._best or learned(self._stage, self._stepper.kept))

    def _validate(self) -> float | None:
        stage, stop = self._stage, self._recipe.stop
        if stage.valid is None or not len(stage.valid):
            return None
        kept = self._stepper.kept
        if not isinstance(kept, Model):
            raise TypeError(f"A stage with validation rows must train a Model, not a {type(kept).__name__}.")
        progress = self._training.progress
        progress.score, progress.loss = score, loss = self._judged(kept, stage.valid)
        if self._trial.early_stopping:
            if self.patience.improves(score, loss, self.epoch, stop):
                self._best = copy.deepcopy(learned(stage, kept))
            progress.score, progress.loss = self.patience.score, self.patience.loss
        return score

    def _judged(self, model: Model, rows: Rows) -> tuple[float, float | None]:
        """The score, and the loss if there is such a thing; the first process finds them out for all."""
        runtime, evaluation = self._runtime, None
        if runtime.rank == 0:
            evaluation = evaluate(self._trial.parts, runtime, model, rows)
        score, loss = (evaluation.score, evaluation.loss) if evaluation else (0.0, None)
        told = first_says(runtime, lambda: math.nan if loss is None else loss)
        return first_says(runtime, lambda: score), None if math.isnan(told) else told

    def _train_epoch(self, seed: int) -> float:
        """One pass over the stage's batches; the mean loss. Devices are waited for every so many steps only."""
        stage, runtime, epoch = self._stage, self._runtime, self.epoch
        steps, done, started = len(stage.batches), 0, time.perf_counter()
        total = torch.zeros((), device=runtime.device, dtype=sums_in(runtime.device))

        def summed() -> float:
            place = f"in stage {stage.name!r}, epoch {epoch + 1}, step {done}"
            if not math.isfinite(whole := total_of(runtime, total)):
                raise Diverged(f"The training loss is {whole} {place}, or since not long before.")
            return whole

        stage.model.train()
        for batch in stage.batches.epoch(seed):
            if first_says(runtime, lambda: runtime.seconds_left() < 0):
                rows = self._training.epoch_rows * done / steps
                per_row = (time.perf_counter() - started) / rows if rows else None
                place = f"in stage {stage.name!r}, epoch {epoch + 1}, step {done + 1} of {steps}"
                raise OutOfTime(f"The time was up {place}.", per_row)
            self._stepper.prepare(epoch * steps + done)
            for part in parts_for(runtime, batch, stage.divisible):
                with autocast(runtime):
                    loss = stage.loss(part.to(runtime.device)) * (len(part) / len(batch))
                loss.backward()
                total += loss.detach()
            add_up_gradients(runtime, self._stepper.parameters)
            self._stepper.step()
            done += 1
            if done % LOOK_STEPS == 0:
                summed()
        return summed() / max(1, done)
