"""`Full`: train the encoder and the heads together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, final

from autosft.contracts.backbone import BackboneInfo
from autosft.contracts.problem import Problem
from autosft.contracts.recipe import SHARED
from autosft.contracts.strategy import Job, Stage, Strategy
from autosft.contracts.task import Task

if TYPE_CHECKING:
    from autosft.contracts.tensors import Model


@final
class Full(Strategy):
    """Fine-tune everything, the blocks near the input more slowly (discriminative rates: ULMFiT, 2018)."""

    name = "full"
    uses = frozenset(SHARED)

    def accepts(self, task: Task, info: BackboneInfo, problems: Sequence[Problem]) -> str:
        """The encoder must have something to train."""
        return "nothing in this encoder can be trained" if info.origin == "fitted" else ""

    def stages(self, job: Job, model: Model) -> Iterable[Stage]:
        """One stage."""
        from autosft_strategies.bricks import full_stage

        yield full_stage(job, model)
