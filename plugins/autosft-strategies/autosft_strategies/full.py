"""`Full`: train the encoder and the heads together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, final

from autosft.api import SHARED, BackboneInfo, Facts, Problem, Runtime, Stage, Strategy, Trial
from autosft_strategies.reasons import against_training

if TYPE_CHECKING:
    from autosft.api.tensors import Model


@final
class Full(Strategy):
    """Fine-tune everything, the blocks near the input more slowly (discriminative rates: ULMFiT, 2018)."""

    name, prior = "full", 0.8
    uses = frozenset(SHARED)

    def accepts(self, facts: Facts, info: BackboneInfo, problems: Sequence[Problem]) -> str:
        """Any encoder in which something can be trained."""
        return against_training(info)

    def stages(self, trial: Trial, runtime: Runtime, model: Model) -> Iterable[Stage]:
        """One stage."""
        from autosft_strategies.stages import supervised_stage

        yield supervised_stage(trial, runtime, model, "full")
