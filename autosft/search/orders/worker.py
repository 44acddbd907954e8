"""The worker: takes an order, trains, and hands back a record. It sees a run's folder, never the study.

`serve` is the loop of a worker process: orders come in as JSON lines, events go out. Parts, decoded samples and
encoded rows stay warm between orders.
"""

from __future__ import annotations

import os
import statistics
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, final

import torch  # noqa: TID253

from autosft.contracts.backbone import WeightFile
from autosft.contracts.executor import Event, Order
from autosft.contracts.outputs import StoredOutputs
from autosft.contracts.record import Epoch, Record
from autosft.contracts.rows import Rows
from autosft.contracts.strategy import Job, States, Strategy
from autosft.data.cache import SampleCache
from autosft.data.splits import subset
from autosft.data.store import FeatureStore
from autosft.deploy.member import load_states, save_member
from autosft.errors import AutoSFTError
from autosft.host.loading import load
from autosft.host.registry import Registry
from autosft.search.orders.verdict import notes_of, verdict
from autosft.search.outcome.finish import score_on_test
from autosft.search.run import Run
from autosft.training.device import free_memory, peak_bytes, pick_device
from autosft.training.evaluation import Evaluation, evaluate, score_error
from autosft.training.features import encode_pace
from autosft.training.loop import Paused, Trained, train

Emit = Callable[[Epoch], None]


def serve(orders: IO[str], events: IO[str], *, threads: int, device: str, slot: int) -> None:
    """Work on orders until there are no more. If the driver dies while an order is worked on, so does this process."""
    torch.set_num_threads(threads)
    workshop = Workshop(load(), pick_device(device, slot))
    inbox: list[Order] = []
    ready = threading.Semaphore(0)

    def listen() -> None:
        for line in orders:
            inbox.append(Order.model_validate_json(line))
            ready.release()
        os._exit(0)  # the driver is gone, or wants no more

    def send(event: Event) -> None:
        events.write(event.model_dump_json() + "\n")
        events.flush()

    threading.Thread(target=listen, daemon=True).start()
    while True:
        ready.acquire()
        order = inbox.pop(0)
        token = order.token
        record = workshop.work(
            order, lambda epoch, token=token: send(Event(token=token, kind="epoch", body=epoch.plain()))
        )
        send(Event(token=token, kind="done", body=record.plain()))


@final
class Workshop:
    """What one worker keeps between orders.

    Args:
        registry: The parts.
        device: Where to train.
    """

    def __init__(self, registry: Registry, device: torch.device) -> None:
        self._registry, self._device = registry, device
        self._bench: _Bench | None = None

    def work(self, order: Order, emit: Emit) -> Record:
        """Do what an order says; training leaves a member in the trial's folder. What goes wrong becomes a state."""
        started = time.monotonic()
        free_memory(self._device)
        done: dict[str, Any] = {"state": "done"}
        try:
            if self._bench is None or self._bench.run.folder != Path(order.run):
                self._bench = _Bench(Run.read(Path(order.run)), self._registry, self._device)
            allowed = float("inf") if order.seconds is None else order.seconds
            if order.work == "test":
                score, interval = score_on_test(self._bench.run, self._registry, self._device, order.rows)
                done |= {"score": score, "interval": interval}
            else:
                left = 0.0 if order.work == "keep" else allowed
                done |= self._bench.train(order, emit, lambda: left - (time.monotonic() - started))
        except Exception as problem:  # it ends this trial, and is shown, but not the search
            state, error = verdict(problem)
            done = {"state": state, "error": error, "notes": notes_of(problem)}
            if not isinstance(problem, AutoSFTError):
                traceback.print_exc()
        return Record(
            number=order.trial,
            recipe=order.recipe,
            seconds=time.monotonic() - started,
            micro_batch=order.micro_batch,
            peak_bytes=peak_bytes(self._device),
            **done,
        )


class _Bench:
    """One run's data and parts, warm."""

    def __init__(self, run: Run, registry: Registry, device: torch.device) -> None:
        self.run, self._registry, self._device = run, registry, device
        task = run.document.task
        self._modality = registry.modality(task.modality)
        self._problems = tuple(registry.problem(name) for name in task.problems)
        self._read = SampleCache(self._modality.read)
        self._features: dict[Any, Any] = {}
        self._store = FeatureStore.shared()
        self._states: dict[tuple[str, int, bool], States] = {}
        self._notices: dict[str, str] = {}

    def train(self, order: Order, emit: Emit, seconds_left: Callable[[], float]) -> dict[str, Any]:
        """Train an order; the fields of its record."""
        job = self._job(order, seconds_left)
        strategy = self._registry.strategy(order.recipe.strategy)
        try:
            trained = train(job, strategy, emit)
        except Paused as pause:
            return {
                "state": "paused",
                "score": pause.score,
                "loss": pause.loss,
                "epochs": pause.epochs,
                "pace": self._pace(job, pause.epochs),
                "trained": pause.trained,
                "notes": (*self._notice(job), *notes_of(pause)),
            }
        evaluation = trained.evaluation
        states = job.states
        if evaluation:
            states = States(states.modality, states.backbone, evaluation.states)
        save_member(job.folder, job, trained.model, states)
        if evaluation:
            StoredOutputs(evaluation.outputs, evaluation.states).write(job.folder)
        for path in job.folder.glob("*.pt"):
            path.unlink()
        if order.work == "refit":
            evaluation = self._recall(job, strategy, trained)
        return {
            "score": evaluation.score if evaluation else None,
            "score_error": score_error(job, trained.evaluation, job.valid) if trained.evaluation else None,
            "loss": evaluation.loss if evaluation else None,
            "epochs": trained.epochs,
            "best": trained.best,
            "pace": {**self._pace(job, trained.epochs), "fit": trained.fitting / len(job.train)},
            "parameters": sum(parameter.numel() for parameter in trained.model.parameters()),
            "trained": trained.trained,
            "notes": (*self._notice(job), *trained.notes),
        }

    def _recall(self, job: Job, strategy: Strategy, trained: Trained) -> Evaluation:
        """How well a model trained on all rows recalls the validation rows: a check, not an estimate."""
        return evaluate(job, trained.model, self.run.data.valid, cached=strategy.cheap)

    def _job(self, order: Order, seconds_left: Callable[[], float]) -> Job:
        document, data = self.run.document, self.run.data
        candidate = document.plan.candidate(order.recipe.backbone)
        weights = candidate.weights
        if weights and not weights.path:
            source = next(source for source in self._registry.weights if source.name == weights.source)
            weights = source.fetch(weights)
        folder = self.run.trial_folder(order.trial)
        replay = order.work == "refit"
        train_rows = subset(data.train, self._problems[0], order.recipe.rows, seed=document.spec.seed)
        if replay:
            train_rows += data.valid
        states = self._fit(order, train_rows, weights, replay=replay)
        if replay:  # thresholds and the like were tuned on validation rows, which are training rows now
            states = States(states.modality, states.backbone, load_states(folder)[1].problems)
        return Job(
            task=document.task,
            recipe=order.recipe,
            train=train_rows,
            valid=Rows.of(()) if replay else data.valid,
            unlabeled=data.unlabeled,
            modality=self._modality,
            family=self._registry.family(candidate.info.name),
            info=candidate.info,
            weights=weights,
            problems=self._problems,
            states=states,
            metric=document.task.metric,
            read=self._read,
            device=self._device,
            folder=folder / "refit" if replay else folder,
            seconds_left=seconds_left,
            micro_batch=order.micro_batch,
            pause_after=order.pause_after,
            replay=order.replay if replay else None,
            features=self._features,
            store=self._store,
        )

    def _fit(self, order: Order, rows: Rows, weights: WeightFile | None, *, replay: bool) -> States:
        """What the parts learn from training rows; learned once per backbone."""
        key = (order.recipe.backbone, order.recipe.rows, replay)
        if key not in self._states:
            info = self.run.document.plan.candidate(order.recipe.backbone).info
            self._states[key] = States(
                modality=self._modality.fit(rows, self._read),
                backbone=self._registry.family(info.name).fit(info, rows, self._read, weights),
                problems=tuple(problem.fit(rows.target(n)) for n, problem in enumerate(self._problems)),
            )
        return self._states[key]

    def _notice(self, job: Job) -> tuple[str, ...]:
        """What the user should know of how the backbone sees the rows; found out once."""
        name = job.info.name
        if name not in self._notices:
            self._notices[name] = job.family.notice(job.info, job.states.backbone, job.train, job.read)
        return (f"backbone {name}: {self._notices[name]}",) if self._notices[name] else ()

    def _pace(self, job: Job, epochs: Sequence[Epoch]) -> dict[str, float]:
        pace: dict[str, float] = {}
        if encode := encode_pace(job):
            pace["encode"] = encode
        if epochs:
            pace["train"] = statistics.median(epoch.seconds for epoch in epochs) / len(job.train)
        return pace
