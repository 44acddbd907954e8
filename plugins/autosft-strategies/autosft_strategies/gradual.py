"""`Gradual`: unfreeze the encoder from the output to the input."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, final

from autosft.api import SHARED, BackboneInfo, Facts, Int, Problem, Runtime, Space, Stage, Strategy, Trial
from autosft_strategies.reasons import against_training_in_part

if TYPE_CHECKING:
    from autosft.api.tensors import Model


@final
class Gradual(Strategy):
    """Train the heads alone for an epoch, then the top blocks with them, and at last everything (gradual unfreezing,
    ULMFiT: Howard and Ruder, 2018).

    Of its own it has the number of steps before everything learns. Each takes an epoch, and all together at most half
    of the recipe's; with the epochs that are left they are as many as the recipe has.
    """

    name, prior = "gradual", 0.4
    space: ClassVar[Space] = {"steps": Int(1, 4, default=2, doc="steps before everything is trained")}
    uses = frozenset(SHARED)

    def accepts(self, facts: Facts, info: BackboneInfo, problems: Sequence[Problem]) -> str:
        """Pretrained encoders."""
        return against_training_in_part(info)

    def stages(self, trial: Trial, runtime: Runtime, model: Model) -> Iterable[Stage]:
        """A stage per step, and one for everything."""
        from autosft.api.tensors import last_blocks, train_only
        from autosft_strategies.stages import supervised_stage

        encoder, epochs = model.encoder, trial.parts.recipe.stop.max_epochs
        steps = min(int(trial.parts.recipe.of(self.name)["steps"]), epochs // 2)
        for step in range(steps):
            train_only(encoder, last_blocks(encoder, step / steps) if step else ())
            yield supervised_stage(trial, runtime, model, f"step-{step + 1}", epochs=1)
        train_only(encoder, last_blocks(encoder, 1.0))
        yield supervised_stage(trial, runtime, model, "full", epochs=epochs - steps)
