"""`try_part`: one trial with real data in this process, told step by step, so that an author sees what the part does.

Nothing is caught: what the part raises comes with its traceback, and a breakpoint in it stops here.
"""

from __future__ import annotations

import copy
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from autosft.contracts.record import Epoch
from autosft.contracts.strategy import Fit, Stage, Strategy
from autosft.contracts.tensors import Batch, Model
from autosft.contracts.trial import Parts, Runtime, Trial
from autosft.host.registry import Registry
from autosft.testing.attempt import Asked, Attempt, attempt_of
from autosft.testing.finding import Part, find_part
from autosft.training.loaders import Loader
from autosft.training.loop import train
from autosft.training.losses import supervised
from autosft.training.model import build_model
from autosft.training.trained import Trained

Say = Callable[[str], None]

TOLD_STEPS = 3
"""So many steps of each stage are told one by one; of the others the means."""

TOLD_ROWS = 5
TOLD_WORDS = 60
"""Characters of a text or another value that are shown."""


@dataclass(frozen=True)
class Tried:
    """What a trial was, to look into; its folder is gone.

    Attributes:
        trial: Who took part, and on which rows.
        batch: The first rows, as the encoder and the heads are given them.
        encoded: What the encoder made of them before any training.
        trained: What the trial became.
    """

    trial: Trial
    batch: Batch
    encoded: Mapping[str, Tensor]
    trained: Trained


def try_part(
    part: str | Part,
    data: str | Path,
    *,
    backbone: str = "",
    strategy: str = "",
    problem: str = "",
    target: str | Sequence[str] = (),
    inputs: str | Sequence[str] = (),
    unlabeled: str | Path | Sequence[str | Path] = (),
    settings: Mapping[str, Mapping[str, str]] | None = None,
    rows: int = 200,
    seed: int = 0,
    device: str = "cpu",
    registry: Registry | None = None,
    say: Say = print,
) -> Tried:
    """Train one trial of a part in this process: no workers, no search, every batch loaded in this thread.

    What is not named is the cheapest that fits: the smallest backbone whose weights are at hand, and a strategy that
    leaves it as it is.

    Args:
        part: The name of an installed modality, backbone, family, problem or strategy; or such a part itself, which
            need not be installed.
        data: The path of the data, as of a search.
        backbone: The backbone's name, or a shell pattern.
        strategy: The strategy's name.
        problem: The problem's name.
        target: The column of the target, or the columns that together are one; found out by default.
        inputs: The columns of the sample; found out by default.
        unlabeled: Paths of rows without targets: folders, files, tables, archives.
        settings: Values of parameters by part and name, as typed: `{"fixmatch": {"threshold": "0.8"}}`.
        rows: The most rows to train on, and half as many to validate on; 0 means all.
        seed: Splits and training derive from it.
        device: Where to compute.
        registry: The parts at hand; the installed ones by default.
        say: Told each line.

    Raises:
        UnknownName: There is no such part or parameter.
        BadInput: The data cannot be used, or not by this part.
        NoCandidates: Nothing fits the part.
        Exception: Whatever the part raises.
    """
    kind, name, registry = find_part(part, registry)
    asked = Asked(
        data=Path(data),
        backbone=backbone,
        strategy=strategy,
        problem=problem,
        target=_names(target),
        inputs=_names(inputs),
        unlabeled=tuple(map(str, (unlabeled,) if isinstance(unlabeled, (str, Path)) else unlabeled)),
        settings=settings,
        rows=rows,
        seed=seed,
        device=device,
    )
    with tempfile.TemporaryDirectory(prefix="autosft-try-") as folder:
        attempt = attempt_of(kind, name, asked, registry, Path(folder))
        _tell_parts(attempt, say)
        batch, encoded = _first_batch(attempt.trial.parts, attempt.runtime, attempt.trial, say)
        trained = _train(attempt, say)
    return Tried(attempt.trial, batch, encoded, trained)


def described(value: Any) -> str:
    """A value in one line: a tensor's shape, type and range; of what is nested, each part."""
    if isinstance(value, Tensor):
        return _of_tensor(value)
    if isinstance(value, Mapping):
        entries = cast("Mapping[Any, Any]", value).items()
        return "; ".join(f"{key}: {described(entry)}" for key, entry in entries) or "empty"
    if isinstance(value, (list, tuple)):
        entries = cast("Sequence[Any]", value)
        first = f", the first {described(entries[0])}" if entries else ""
        return f"{type(value).__name__} of {len(entries)}{first}"
    text = repr(value)
    return text if len(text) <= TOLD_WORDS else f"{text[:TOLD_WORDS]} …"


def _of_tensor(tensor: Tensor) -> str:
    kind = "" if tensor.layout == torch.strided else f", {str(tensor.layout).removeprefix('torch.')}"
    told = f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}{kind}"
    numbers = (tensor if tensor.layout == torch.strided else tensor.values()).detach()
    if not numbers.numel() or numbers.is_complex():
        return told
    finite = numbers[torch.isfinite(numbers)]
    lost = numbers.numel() - finite.numel()
    between = f", {finite.min().item():.4g} to {finite.max().item():.4g}" if finite.numel() else ""
    return f"{told}{between}" + (f", {lost} NOT FINITE" if lost else "")


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    return ((given,) if given else ()) if isinstance(given, str) else tuple(given)


def _tell_parts(attempt: Attempt, say: Say) -> None:
    """Who takes part, on how many rows, under which recipe."""
    trial, task = attempt.trial, attempt.trial.parts.task
    asked = ", ".join(f"{one.problem} of {one.name}" for one in task.targets)
    say(f"trial        {attempt.strategy.name} on {trial.parts.info.name}: {asked}, {task.modality} data")
    counts = {"to train on": trial.train, "to validate on": trial.valid, "without targets": trial.unlabeled}
    say(f"rows         {', '.join(f'{len(rows)} {what}' for what, rows in counts.items() if len(rows))}")
    values = ", ".join(f"{name}={value}" for name, value in attempt.settings.items())
    say(f"settings     {values or 'there are none'}")
    parts = zip(task.target_names, trial.parts.problems, trial.parts.states.problems, strict=True)
    for name, problem, state in parts:
        if told := problem.describe(state):
            say(f"learned      {name}: {told}")


def _first_batch(parts: Parts, runtime: Runtime, trial: Trial, say: Say) -> tuple[Batch, Mapping[str, Tensor]]:
    """The first rows on their way: what is read and joined, encoded, put through the heads, and lost."""
    started = time.perf_counter()
    complete = all(trial.train.present(position) is None for position in range(len(parts.problems)))
    batch = next(iter(Loader(parts, runtime, trial.train).epoch(parts.recipe.seed))).to(runtime.device)
    ids = ", ".join(map(str, batch.rows[:TOLD_ROWS])) + (", …" if len(batch) > TOLD_ROWS else "")
    say(f"first batch  {len(batch)} rows ({ids}), read in {time.perf_counter() - started:.3f} s")
    say(f"  inputs     {described(batch.inputs)}")
    for name, target, written in zip(parts.task.target_names, batch.targets, trial.train.targets[0], strict=True):
        say(f"  target     {name}: {described(target)}; as written {described(written)}")
    model = build_model(parts, runtime).eval()
    weights = sum(parameter.numel() for parameter in model.encoder.parameters())
    started = time.perf_counter()
    with torch.inference_mode():
        encoded = dict(model.encoder(batch.inputs))
        took = time.perf_counter() - started
        say(f"encoder      {type(model.encoder).__name__}, {weights} weights, {took:.3f} s for the batch")
        for key, value in encoded.items():
            say(f"  {key:<10} {described(value)}, announced {model.encoder.widths.get(key, 'nothing')}")
        given = replace(batch, encoded=encoded)
        outs = model(given.without_targets())
        for name, head, out in zip(parts.task.target_names, model.heads, outs, strict=True):
            say(f"head         {name}: {type(head).__name__} gives {described(out)}")
        if complete:
            say(f"loss         {supervised(parts, model)(given).item():.4g} before any training")
    return batch, encoded


def _train(attempt: Attempt, say: Say) -> Trained:
    """Train, and say what came of it."""
    trial, started = attempt.trial, time.perf_counter()
    metric = trial.parts.task.score_name

    def told(epoch: Epoch) -> None:
        score = "" if epoch.score is None else f", {metric} {epoch.score:.4f}"
        say(f"  epoch {epoch.number:<4} loss {epoch.loss:.4g}{score}, {epoch.seconds:.2f} s")

    trained = train(trial, attempt.runtime, told_by(attempt.strategy, say), told)
    for note in trained.notes:
        say(f"note         {note}")
    if trained.evaluation:
        parts, evaluation = trial.parts, trained.evaluation
        say(f"score        {metric} {evaluation.score:.4f} on {len(trial.valid)} validation rows")
        answers = zip(parts.task.target_names, parts.problems, evaluation.outputs, evaluation.states, strict=True)
        for position, (name, problem, outputs, state) in enumerate(answers):
            decided, true = problem.decide(outputs, state), trial.valid.target(position)
            for row, said, target in list(zip(trial.valid.id, decided, true, strict=True))[:TOLD_ROWS]:
                say(f"  answer     {row}, {name}: {described(said)}, and is {described(target)}")
    say(f"done in      {time.perf_counter() - started:.2f} s, {trained.trained} weights trained")
    return trained


def told_by(strategy: Strategy, say: Say) -> Strategy:
    """The same strategy, which tells of its fits, stages and steps."""

    def stages(trial: Trial, runtime: Runtime, model: Model) -> Iterator[Stage | Fit]:
        for part in strategy.stages(trial, runtime, model):
            if isinstance(part, Fit):
                yield replace(part, run=_told_fit(part, say))
                continue
            count = sum(parameter.numel() for group in part.parameters for parameter in group["params"])
            say(f"stage        {part.name}: {part.epochs} epochs of {len(part.batches)} steps, {count} weights")
            yield replace(part, loss=_told_loss(part, say))

    same = copy.copy(strategy)
    vars(same)["stages"] = stages
    return same


def _told_fit(fit: Fit, say: Say) -> Callable[[], None]:
    def run() -> None:
        say(f"fit          {fit.name} …")
        started = time.perf_counter()
        fit.run()
        say(f"  done       in {time.perf_counter() - started:.2f} s")

    return run


def _told_loss(stage: Stage, say: Say) -> Callable[[Any], Tensor]:
    """The loss, which tells of the first steps, each with the seconds since the one before it began."""
    times: list[float] = []

    def loss(batch: Any) -> Tensor:
        times.append(time.perf_counter())
        value = stage.loss(batch)
        number = len(times)
        if number <= TOLD_STEPS:
            since = f", {times[-1] - times[-2]:.3f} s after the one before" if number > 1 else ""
            say(f"  step {number:<5} loss {value.item():.4g}, {len(batch)} rows{since}")
        if number == len(stage.batches):
            say(f"  a step     takes {(times[-1] - times[0]) / max(1, number - 1):.3f} s")
        return value

    return loss
