"""`Executor` and `Pool`: where workers run. `Order` goes to a worker, `Event` comes back.

The driver pushes orders; a worker takes one at a time and emits events. A pool only decides where it runs. Workers
never see the study.

A worker is the program `python -m autosft worker --threads N --device DEVICE --slot NUMBER --processes N`. It takes
orders from its standard input and gives events to its standard output, one JSON document a line; whatever it prints
goes to its standard error. It ends when its input does, amid an order too. It must see the run's folder. Where several
processes train a trial together, it starts the others itself; they are in its process group, and end when it does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from autosft.contracts.document import Document
from autosft.contracts.recipe import Recipe


class Order(Document):
    """Something to do for one trial.

    Attributes:
        work: `"train"` the recipe; `"pretrain"` the encoder that a trial starts from, by its recipe; `"save"` the best
            weights of a paused trial, without more training; `"soup"`: average the weights of the trial with those of
            others; `"refit"` the recipe on training and validation rows together; `"test"` the bundle of the run.
        run: The run's folder.
        trial: The trial's number.
        token: Unique per order; events carry it, so that late ones can be told apart.
        recipe: What to train.
        seconds: How long it may take from when it was submitted; None means without end. A worker takes off the
            seconds for which the order has lain in its input, but for the first five, which it may overstay; an
            executor takes off those for which it has kept an order.
        replay: When refitting: for each stage, how many epochs.
        rows: When testing, how many of the test rows to score, and for a refit, how many of the training rows to train
            on; 0 means all.
        least_score: When training a strategy that changes the encoder: the score on the validation split from which on
            the trial is cross-validated, where rows are so few that trials are; None means whatever it scores.
        pause_after: After how many validated epochs the trial pauses; None means that it runs through.
        others: When averaging: the other trials, the best first.
        micro_batch: The most rows at once, where memory ran out with more; 0 means a whole batch. Gradients are summed
            over the parts, so that the batch of the recipe stays what it is.
    """

    work: Literal["train", "pretrain", "save", "soup", "refit", "test"] = "train"
    run: str
    trial: int
    token: str
    recipe: Recipe
    seconds: float | None
    replay: Mapping[str, int] = {}
    rows: int = 0
    least_score: float | None = None
    pause_after: int | None = None
    others: tuple[int, ...] = ()
    micro_batch: int = 0

    def after(self, seconds: float) -> Order:
        """The same order with the seconds that are left of it after so many have gone by."""
        left = None if self.seconds is None else max(0.0, self.seconds - seconds)
        return self.model_copy(update={"seconds": left})


class Event(Document):
    """What has happened to an order.

    Attributes:
        token: That of the order.
        kind: `"started"` comes first. `"epoch"` comes after every epoch. One of the others comes last: `"done"`, or
            `"lost"` if the worker is gone, and maybe had never started.
        body: Of `"started"` the `versions` of what is installed where the worker is; of `"epoch"` an `Epoch`; of
            `"done"` a `Record`, whatever its state (the score of a `"test"` is the test score); of `"lost"` a `reason`,
            and `out_of_memory` where that is known to be it.
    """

    token: str
    kind: Literal["started", "epoch", "done", "lost"]
    body: Mapping[str, Any] = {}


class Pool(ABC):
    """Running workers.

    Attributes:
        slots: How many orders can be worked on at once.
    """

    slots: int

    @abstractmethod
    def submit(self, order: Order) -> None:
        """Hand an order to a free slot.

        Raises:
            RuntimeError: No slot is free.
        """

    @abstractmethod
    def events(self, timeout: float) -> Sequence[Event]:
        """What has happened since the last call; waits at most `timeout` seconds for the first. Every order ends with
        one `"done"` or `"lost"`."""

    @abstractmethod
    def cancel(self, token: str) -> None:
        """End the work on an order within seconds, by force if need be; its slot is free when this returns.

        A `"lost"` event follows, unless the order was just done. Where nobody works on it, nothing happens.
        """

    @abstractmethod
    def close(self) -> None:
        """End all workers within seconds, and say no more of their orders. Once more does no harm."""


class Executor(ABC):
    """A place where workers run.

    Attributes:
        name: Unique among executors.
        local: Whether its workers run on this machine, so that its memory is theirs.
    """

    name: ClassVar[str]
    local: ClassVar[bool] = False

    @abstractmethod
    def open(self, *, slots: int, threads: int, device: str, processes: int, log: str) -> Pool:
        """Start `slots` workers.

        Args:
            slots: How many.
            threads: The CPU threads of each process.
            device: The device of all, such as `"cpu"`, `"cuda:0"`, or `"auto"`.
            processes: How many processes of each worker train a trial together.
            log: A file that takes what they print.

        Raises:
            BadInput: Something that it needs is not set, or wrong, such as the address of a cluster.
        """
