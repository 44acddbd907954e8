"""A plugin of troublemakers: each strategy brings one misfortune, or shows what its worker is doing.

For tests of what a search and an executor survive; installed as any other plugin by `autosft.testing.toy`.
"""

from __future__ import annotations

import dataclasses
import math
import os
import signal
import time
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autosft.api import Runtime, Stage, Strategy, Trial, hookimpl
from autosft.testing.toy import ToyStrategy

if TYPE_CHECKING:
    from torch import Tensor

    from autosft.api.tensors import Batch, Model

autosft_api = 2

BEAT_SECONDS = 0.1
"""How often a strategy that hangs shows that it still does."""


class Still(Strategy):
    """Does nothing."""

    name, cheap = "still", True


class Raises(Strategy):
    """Raises an error of two lines."""

    name = "raises"

    def stages(self, trial: Trial, runtime: Runtime, model: Model) -> Iterable[Stage]:
        """Raise it."""
        raise RuntimeError("the part is out of order\nand says more")


class Refuses(Raises):
    """Should make an encoder for others, and raises instead."""

    name, produces = "refuses", "encoder"


class Hangs(Strategy):
    """Never comes back, not even when its process is asked to end."""

    name = "hangs"

    def stages(self, trial: Trial, runtime: Runtime, model: Model) -> Iterable[Stage]:
        """Rewrite the file `beats` in the trial's folder again and again."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            beats(trial.folder).write_text(str(time.monotonic_ns()))
            time.sleep(BEAT_SECONDS)


def beats(folder: Path) -> Path:
    """What a trial that hangs keeps changing in its folder."""
    return folder / "beats"


class Meets(Strategy):
    """Waits until as many trials of the run as its parameter `company` says are there at the same time."""

    name = "meets"

    def stages(self, trial: Trial, runtime: Runtime, model: Model) -> Iterable[Stage]:
        """Leave a mark and wait for those of the others."""
        (trial.folder / "here").touch()
        trials = next(folder for folder in trial.folder.parents if folder.name == "trials")
        while len(list(trials.glob("*/here"))) < int(trial.parts.recipe.of(self.name)["company"]):
            time.sleep(BEAT_SECONDS)
        return ()


class Altered(Strategy):
    """Trains as the toy strategy does, with each stage altered."""

    def stages(self, trial: Trial, runtime: Runtime, model: Model) -> Iterator[Stage]:
        """The toy strategy's stages, altered."""
        for stage in ToyStrategy().stages(trial, runtime, model):
            yield self.altered(stage)

    @abstractmethod
    def altered(self, stage: Stage) -> Stage:
        """The stage to train instead."""


class Dies(Strategy):
    """Takes its process with it after its first epoch, and again whenever it goes on from there."""

    name = "dies"

    def stages(self, trial: Trial, runtime: Runtime, model: Model) -> Iterator[Stage]:
        """The toy strategy's stages, with a last step."""

        def step() -> None:
            if any(trial.folder.glob("*.pt")):
                os.kill(os.getpid(), signal.SIGKILL)

        for stage in ToyStrategy().stages(trial, runtime, model):
            yield dataclasses.replace(stage, after_step=step)


class Diverges(Altered):
    """Has an infinite loss."""

    name, uses = "diverges", frozenset({"regular.augment"})

    def altered(self, stage: Stage) -> Stage:
        """With that loss."""
        return dataclasses.replace(stage, loss=lambda batch: stage.loss(batch) * math.inf)


class Hungry(Altered):
    """Asks for a sixth of this machine's memory for each row, for a moment, and never touches it."""

    name, uses = "hungry", frozenset({"optim.head_lr"})

    def altered(self, stage: Stage) -> Stage:
        """With a loss that asks for memory."""
        import torch

        row = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 6

        def loss(batch: Batch) -> Tensor:
            torch.empty(len(batch) * row, dtype=torch.uint8)
            return stage.loss(batch)

        return dataclasses.replace(stage, loss=loss)


class Whole(Hungry):
    """Is as hungry, and cannot do a batch in parts."""

    name = "whole"

    def altered(self, stage: Stage) -> Stage:
        """With that loss, of whole batches."""
        return dataclasses.replace(super().altered(stage), divisible=0)


class Gorges(Altered):
    """Fills 128 MiB for each of the rows that it is given first, for a moment."""

    name, uses = "gorges", frozenset({"optim.head_lr"})

    def altered(self, stage: Stage) -> Stage:
        """With a loss that fills memory."""
        import torch

        hungry = [True]

        def loss(batch: Batch) -> Tensor:
            if hungry:
                hungry.pop()
                torch.ones(len(batch) * 2**27, dtype=torch.uint8)
            return stage.loss(batch)

        return dataclasses.replace(stage, loss=loss)


class Bottomless(Strategy):
    """Fills 3 GiB, however few rows it is given."""

    name = "bottomless"

    def stages(self, trial: Trial, runtime: Runtime, model: Model) -> Iterable[Stage]:
        """Fill them."""
        import torch

        torch.ones(3 * 2**30, dtype=torch.uint8)
        return ()


class Sleeps(Altered):
    """Takes its time."""

    name, uses = "sleeps", frozenset({"optim.head_lr", "regular.augment", "stop.max_epochs"})

    def altered(self, stage: Stage) -> Stage:
        """With a rest after each step."""
        return dataclasses.replace(stage, after_step=lambda: time.sleep(0.1))


@hookimpl
def autosft_strategies() -> Iterable[Strategy]:
    """All of them."""
    kinds: list[Any] = [Still, Raises, Refuses, Hangs, Meets, Dies, Diverges, Hungry, Whole, Gorges, Bottomless, Sleeps]
    return [kind() for kind in kinds]
