"""A plugin for benchmarks: the toy parts, and a strategy whose epochs take a known time. Not a benchmark itself."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from autosft.api import Float, Int, Runtime, Space, Stage, Strategy, Trial, hookimpl
from autosft.testing import toy

if TYPE_CHECKING:
    from autosft.api.tensors import Model

SECONDS = "AUTOSFT_STEADY_SECONDS"
"""The environment variable that says how long each epoch lasts beside the training itself."""

autosft_api = 2


class Steady(Strategy):
    """Trains as the toy strategy does, and rests after every optimizer step."""

    name: ClassVar[str] = "steady"
    uses: ClassVar[frozenset[str]] = frozenset({"optim.lr", "optim.head_lr", "stop.max_epochs", "stop.patience"})
    space: ClassVar[Space] = {
        "optim.lr": Float(1e-3, 1e-1, default=1e-2, log=True),
        "optim.head_lr": Float(1e-2, 3e-1, default=5e-2, log=True),
        "stop.max_epochs": Int(2, 12, default=6),
    }

    def stages(self, trial: Trial, runtime: Runtime, model: Model) -> Iterable[Stage]:
        """The toy strategy's stages, slowed down."""
        rest = float(os.environ.get(SECONDS, "0"))
        for stage in toy.ToyStrategy().stages(trial, runtime, model):
            pause = rest / len(stage.batches)
            yield replace(stage, after_step=lambda pause=pause: time.sleep(pause))


@hookimpl
def autosft_strategies() -> Iterable[Strategy]:
    """One strategy."""
    return [Steady()]


def install(folder: Path, *packages: str, seconds: float) -> dict[str, str]:
    """Install the toy plugin and this one into a folder; the environment in which a process finds only them, and these
    other packages."""
    toy.write_distribution(folder)
    toy.write_distribution(folder, "steady")
    path = os.pathsep.join(filter(None, [str(folder), str(Path(__file__).parent), os.environ.get("PYTHONPATH")]))
    without = toy.all_but("autosft-toy", "autosft-steady", *packages)
    return {**os.environ, "PYTHONPATH": path, "AUTOSFT_DISABLE_PLUGINS": without, SECONDS: str(seconds)}
