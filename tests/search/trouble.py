"""A plugin of troublemakers: each strategy brings one misfortune. Installed by the fixture `plugins`."""

from __future__ import annotations

import dataclasses
import math
import os
import signal
import time

from autosft.contracts.strategy import Strategy
from autosft.host.hookspecs import hookimpl
from autosft.testing.toy import ToyStrategy

autosft_api = 1


class Still(Strategy):
    """Does nothing."""

    name, cheap = "still", True


class Raises(Strategy):
    """Raises an error of two lines."""

    name = "raises"

    def fit(self, job, model):
        raise RuntimeError("the part is out of order\nand says more")


class Dies(Strategy):
    """Takes its process with it."""

    name = "dies"

    def fit(self, job, model):
        os.kill(os.getpid(), signal.SIGKILL)


class Hangs(Strategy):
    """Never comes back."""

    name = "hangs"

    def fit(self, job, model):
        time.sleep(3600)


class Altered(Strategy):
    """Trains as the toy strategy does, with each stage altered."""

    def stages(self, job, model):
        for stage in ToyStrategy().stages(job, model):
            yield self.altered(stage)


class Diverges(Altered):
    """Has an infinite loss."""

    name, uses = "diverges", frozenset({"regular.augment"})

    def altered(self, stage):
        return dataclasses.replace(stage, loss=lambda batch: stage.loss(batch) * math.inf)


class Hungry(Altered):
    """Asks for a sixth of this machine's memory for each row, for a moment, and never touches it."""

    name, uses = "hungry", frozenset({"optim.head_lr"})

    def altered(self, stage):
        import torch

        row = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 6

        def loss(batch):
            torch.empty(len(batch) * row, dtype=torch.uint8)
            return stage.loss(batch)

        return dataclasses.replace(stage, loss=loss)


class Gorges(Altered):
    """Fills 128 MiB for each of the rows that it is given first, for a moment."""

    name, uses = "gorges", frozenset({"optim.head_lr"})

    def altered(self, stage):
        import torch

        hungry = [True]

        def loss(batch):
            if hungry:
                hungry.pop()
                torch.ones(len(batch) * 2**27, dtype=torch.uint8)
            return stage.loss(batch)

        return dataclasses.replace(stage, loss=loss)


class Bottomless(Strategy):
    """Fills 3 GiB, however few rows it is given."""

    name = "bottomless"

    def fit(self, job, model):
        import torch

        torch.ones(3 * 2**30, dtype=torch.uint8)


class Sleeps(Altered):
    """Takes its time."""

    name, uses = "sleeps", frozenset({"optim.head_lr", "regular.augment", "stop.max_epochs"})

    def altered(self, stage):
        return dataclasses.replace(stage, after_step=lambda: time.sleep(0.1))


@hookimpl
def autosft_strategies():
    """All of them."""
    return [Still(), Raises(), Dies(), Hangs(), Diverges(), Hungry(), Gorges(), Bottomless(), Sleeps()]
