"""`Partial`: train the last blocks of the encoder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, final

from autosft.api import SHARED, BackboneInfo, Facts, Float, Problem, Runtime, Space, Stage, Strategy, Trial
from autosft_strategies.reasons import against_training_in_part

if TYPE_CHECKING:
    from autosft.api.tensors import Model


@final
class Partial(Strategy):
    """Train the heads and a fraction of the encoder's blocks, those nearest to the output, which are the most specific
    to what it was trained for (Yosinski et al., 2014). The others stay frozen, and take neither memory nor a backward
    pass.
    """

    name, prior, trains = "partial", 0.6, 0.1
    space: ClassVar[Space] = {
        "fraction": Float(0.1, 0.8, default=0.3, doc="fraction of the encoder's blocks that is trained")
    }
    uses = frozenset(SHARED)

    def accepts(self, facts: Facts, info: BackboneInfo, problems: Sequence[Problem]) -> str:
        """Pretrained encoders."""
        return against_training_in_part(info)

    def stages(self, trial: Trial, runtime: Runtime, model: Model) -> Iterable[Stage]:
        """One stage."""
        from autosft.api.tensors import last_blocks, train_only
        from autosft_strategies.stages import supervised_stage

        train_only(model.encoder, last_blocks(model.encoder, float(trial.parts.recipe.of(self.name)["fraction"])))
        yield supervised_stage(trial, runtime, model, "partial")
