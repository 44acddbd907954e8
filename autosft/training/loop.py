"""The one training loop: `train` turns a job into a trained model, stage by stage, epoch by epoch.

It knows no strategy, modality or problem by name, and neither study nor clock: it asks the job how many seconds are
left. After every epoch a checkpoint is written; a killed trial goes on from there and ends with the same weights,
bit for bit on the CPU with the same number of threads. Where a checkpoint is damaged, it goes on from the last sound
one, and says so.
"""

from __future__ import annotations

import copy
import itertools
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from autosft.contracts.record import Epoch
from autosft.contracts.strategy import Job, Stage, Strategy
from autosft.contracts.tensors import Model
from autosft.errors import Diverged, OutOfTime
from autosft.training.checkpoint import Checkpoints
from autosft.training.evaluation import Evaluation, evaluate
from autosft.training.features import encoding_seconds
from autosft.training.model import build_model
from autosft.training.optim import optimizer_for, set_rate
from autosft.training.seeds import seed_of
from autosft.training.stopping import Patience

Emit = Callable[[Epoch], None]

ROOM_FOR_AN_EPOCH = 1.3
"""Another epoch starts only if the longest so far, times this, fits into the seconds left."""


@dataclass(frozen=True)
class Trained:
    """What a job became.

    Attributes:
        model: The trained model, with the best weights, finished.
        evaluation: Its answers on the validation rows; None if there are none.
        epochs: Every epoch, in order.
        best: For each stage, after how many epochs its kept weights stood.
        trained: The number of parameters that were trained.
        fitting: The seconds that `Strategy.fit` took, without those for encoding rows.
        notes: What the user should know, one line each.
    """

    model: Model
    evaluation: Evaluation | None
    epochs: tuple[Epoch, ...]
    best: dict[str, int]
    trained: int
    fitting: float
    notes: tuple[str, ...] = ()


class Paused(Exception):
    """The trial has done as many epochs as it was to do for now; its checkpoint is there.

    Attributes:
        epochs: Every epoch, in order.
        score: The best validation score so far; None if nothing was validated.
        loss: The validation loss that came with it.
        trained: The number of parameters that are trained.
    """

    def __init__(self, epochs: tuple[Epoch, ...], patience: Patience, trained: int) -> None:
        super().__init__()
        self.epochs, self.score, self.loss, self.trained = epochs, patience.score, patience.loss, trained


@dataclass
class _Progress:
    """Where a stage stands; all that a checkpoint holds beside tensors."""

    epochs: list[Epoch] = field(default_factory=list[Epoch])
    best: dict[str, int] = field(default_factory=dict[str, int])
    trained: int = 0

    @property
    def validated(self) -> int:
        """The number of epochs that have a score."""
        return sum(epoch.score is not None for epoch in self.epochs)


def train(job: Job, strategy: Strategy, emit: Emit | None = None) -> Trained:
    """Train the job's recipe, or go on where a checkpoint in the job's folder stands.

    What the user should know is also noted on every exception raised (`BaseException.add_note`).

    Args:
        job: What to train, on what, where.
        strategy: How.
        emit: Called after every epoch.

    Raises:
        Diverged: A loss or a score is not finite.
        OutOfTime: The seconds ran out before the first epoch was done.
        Paused: The trial has done the epochs after which it pauses.
        BadWeights: A weights file is damaged or does not fit.
    """
    job.folder.mkdir(parents=True, exist_ok=True)
    checkpoints = Checkpoints(job.folder)
    try:
        return _train(job, strategy, checkpoints, emit)
    except Exception as problem:
        for note in checkpoints.notes:
            problem.add_note(note)
        raise


def _train(job: Job, strategy: Strategy, checkpoints: Checkpoints, emit: Emit | None) -> Trained:
    model = build_model(job)
    torch.manual_seed(seed_of(job.recipe.seed, "fit"))
    started = time.perf_counter() - encoding_seconds(job)
    strategy.fit(job, model)
    fitting = time.perf_counter() - encoding_seconds(job) - started
    progress = _Progress(trained=sum(parameter.numel() for parameter in model.heads.parameters()))
    for number, stage in _seeded(job, strategy.stages(job, model)):
        if stage.name in progress.best:
            raise ValueError(f"Strategy {strategy.name!r} yields two stages named {stage.name!r}.")
        _train_stage(job, number, stage, progress, checkpoints, emit)
    torch.manual_seed(seed_of(job.recipe.seed, "finish"))
    strategy.finish(job, model)
    evaluation = evaluate(job, model, job.valid, cached=strategy.cheap) if len(job.valid) else None
    epochs, notes = tuple(progress.epochs), tuple(checkpoints.notes)
    return Trained(model, evaluation, epochs, progress.best, progress.trained, fitting, notes)


def _seeded(job: Job, stages: Iterable[Stage]) -> Iterator[tuple[int, Stage]]:
    """Numbered stages. Code between two of them may draw, such as a new head; a resumed trial must draw the same."""
    remaining = iter(stages)
    for number in itertools.count():
        torch.manual_seed(seed_of(job.recipe.seed, "stage", number))
        stage = next(remaining, None)
        if stage is None:
            return
        yield number, stage


def _train_stage(
    job: Job, number: int, stage: Stage, progress: _Progress, checkpoints: Checkpoints, emit: Emit | None
) -> None:
    """Train one stage to its end, and leave its best weights in the model."""
    if done := checkpoints.finished(number, stage.name):
        _restore(stage, None, done, progress)
        return
    progress.trained = sum(parameter.numel() for group in stage.parameters for parameter in group["params"])
    optimizer, patience, best, epoch = optimizer_for(stage.parameters), Patience(), None, 0
    if last := checkpoints.under_way(number, stage.name):
        _restore(stage, optimizer, last, progress)
        patience, best, epoch = Patience(**last["patience"]), last["best_weights"], last["epoch"]
    kept = stage.evaluated or stage.model
    limit = stage.epochs if job.replay is None else job.replay.get(stage.name, stage.epochs)
    longest = ROOM_FOR_AN_EPOCH * max(
        (done.seconds for done in progress.epochs if done.stage == stage.name), default=0.0
    )
    # The question whether to stop is asked here, from saved state, so that a resumed trial answers it the same way.
    while epoch < limit and not (patience.exhausted(job.recipe.stop) or job.seconds_left() < longest):
        if job.pause_after is not None and progress.validated >= job.pause_after:
            raise Paused(tuple(progress.epochs), patience, progress.trained)
        torch.manual_seed(seed_of(job.recipe.seed, stage.name, epoch))
        started = time.perf_counter()
        try:
            loss = _train_epoch(job, stage, optimizer, epoch)
        except OutOfTime:
            if not epoch:
                raise
            break
        score = None
        if stage.valid is not None and len(stage.valid):
            evaluation = evaluate(job, _as_model(kept), stage.valid)
            score = evaluation.score
            if patience.improves(score, evaluation.loss, epoch + 1, job.recipe.stop):
                best = copy.deepcopy(kept.state_dict())
        epoch += 1
        seconds = time.perf_counter() - started
        longest = max(longest, ROOM_FOR_AN_EPOCH * seconds)
        progress.epochs.append(Epoch(stage=stage.name, number=epoch, loss=loss, score=score, seconds=seconds))
        checkpoint = _state(stage, optimizer, progress)
        checkpoint |= {"epoch": epoch, "patience": patience.plain(), "best_weights": best}
        checkpoints.save(number, checkpoint)
        if emit:
            emit(progress.epochs[-1])
    if limit and not progress.epochs:
        raise OutOfTime(f"The time was up before stage {stage.name!r} had begun.")
    if best is not None or kept is not stage.model:
        stage.model.load_state_dict(best if best is not None else kept.state_dict())
    progress.best[stage.name] = patience.epoch or epoch
    checkpoints.finish(number, _state(stage, None, progress))


def _train_epoch(job: Job, stage: Stage, optimizer: torch.optim.Optimizer, epoch: int) -> float:
    """One pass over the stage's batches; the mean loss."""
    stage.model.train()
    steps, clip = len(stage.batches), job.recipe.optim.clip
    parameters = [parameter for group in stage.parameters for parameter in group["params"]]
    total = 0.0
    for step, batch in enumerate(stage.batches):
        if job.seconds_left() < 0:
            raise OutOfTime(f"The time was up in stage {stage.name!r}, epoch {epoch + 1}, step {step + 1} of {steps}.")
        set_rate(optimizer, epoch * steps + step, stage.epochs * steps, job.recipe.optim.warmup)
        optimizer.zero_grad(set_to_none=True)
        loss = 0.0
        for part in batch.split(job.micro_batch):
            share = len(part) / len(batch)
            part_loss = stage.loss(part.to(job.device)) * share
            part_loss.backward()
            loss += float(part_loss.detach())
        if not math.isfinite(loss):
            raise Diverged(f"The training loss is {loss} in stage {stage.name!r}, epoch {epoch + 1}, step {step + 1}.")
        if clip:
            nn.utils.clip_grad_norm_(parameters, clip)
        optimizer.step()
        if stage.after_step:
            stage.after_step()
        total += loss
    return total / max(1, steps)


def _as_model(module: nn.Module) -> Model:
    if not isinstance(module, Model):
        raise TypeError(f"A stage with validation rows must train a Model, not a {type(module).__name__}.")
    return module


def _modules(stage: Stage) -> dict[str, nn.Module]:
    """All modules whose state a checkpoint holds."""
    evaluated = {"evaluated": stage.evaluated} if stage.evaluated else {}
    return {"model": stage.model, **evaluated, **{f"keeps/{name}": module for name, module in stage.keeps.items()}}


def _state(stage: Stage, optimizer: torch.optim.Optimizer | None, progress: _Progress) -> dict[str, Any]:
    return {
        "modules": {name: module.state_dict() for name, module in _modules(stage).items()},
        "optimizer": optimizer.state_dict() if optimizer else None,
        "epochs": [epoch.plain() for epoch in progress.epochs],
        "best": dict(progress.best),
        "trained": progress.trained,
    }


def _restore(stage: Stage, optimizer: torch.optim.Optimizer | None, saved: dict[str, Any], progress: _Progress) -> None:
    for name, module in _modules(stage).items():
        module.load_state_dict(saved["modules"][name])
    if optimizer:
        optimizer.load_state_dict(saved["optimizer"])
    progress.epochs = [Epoch.model_validate(epoch) for epoch in saved["epochs"]]
    progress.best, progress.trained = dict(saved["best"]), saved["trained"]
