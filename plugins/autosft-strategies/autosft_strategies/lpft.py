"""`LinearProbeFineTune`: a linear probe first, then everything from there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, final

from autosft.api import SHARED, BackboneInfo, Facts, Fit, Float, Problem, Runtime, Space, Stage, Strategy, Trial
from autosft_strategies.probe import solve_heads
from autosft_strategies.reasons import against_freezing, against_training

if TYPE_CHECKING:
    from autosft.api.tensors import Model


@final
class LinearProbeFineTune(Strategy):
    """Solve the head on frozen features, then fine-tune everything (Kumar et al., 2022).

    A head that knows nothing sends gradients through the encoder that distort what it knows; one that is right already
    sends small ones. The head itself has less to learn than an empty one, and encoder and head have lower rates.
    """

    name, prior = "lpft", 0.7
    space: ClassVar[Space] = {
        "optim.lr": Float(1e-5, 1e-3, default=3e-4, log=True, doc=SHARED["optim.lr"].doc),
        "optim.head_lr": Float(1e-5, 3e-3, default=3e-4, log=True, doc=SHARED["optim.head_lr"].doc),
    }
    uses = frozenset(SHARED)

    def accepts(self, facts: Facts, info: BackboneInfo, problems: Sequence[Problem]) -> str:
        """Any encoder that can both be probed and be trained."""
        return against_freezing(info, problems) or against_training(info)

    def stages(self, trial: Trial, runtime: Runtime, model: Model) -> Iterable[Stage | Fit]:
        """The probe, and one stage from its heads. Rare classes that will be drawn more often weigh more in the probe's
        loss."""
        from autosft_strategies.stages import supervised_stage

        probed, regular = trial, trial.parts.recipe.regular
        if regular.balance == "sampling":
            probed = trial.with_recipe(regular=regular.model_copy(update={"balance": "loss"}))
        yield Fit("probe", partial(solve_heads, probed, runtime, model))
        yield supervised_stage(trial, runtime, model, "full")
