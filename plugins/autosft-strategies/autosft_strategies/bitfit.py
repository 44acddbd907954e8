"""`BitFit`: train biases and norms alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, final

from autosft.api import SHARED, BackboneInfo, Choice, Facts, Float, Problem, Runtime, Space, Stage, Strategy, Trial
from autosft_strategies.reasons import against_training_in_part

if TYPE_CHECKING:
    from autosft.api.tensors import Encoder, Model


@final
class BitFit(Strategy):
    """Train the heads, and of the encoder only biases and norms, all that is a vector (BitFit: Ben Zaken et al., 2022;
    norms of convolutional networks: Frankle et al., 2021). There are few of them, so they learn at higher rates, and as
    each shifts or scales a whole channel, all blocks learn alike.
    """

    name, prior, trains = "bitfit", 0.3, 0.0
    space: ClassVar[Space] = {
        "what": Choice(("biases and norms", "biases", "norms"), doc="which vectors of the encoder are trained"),
        "optim.lr": Float(3e-4, 3e-2, default=5e-3, log=True, doc=SHARED["optim.lr"].doc),
        "optim.layer_decay": Float(0.7, 1.0, default=1.0, doc=SHARED["optim.layer_decay"].doc),
    }
    uses = frozenset(SHARED) - {"optim.l2_sp"}  # which draws no vector

    def accepts(self, facts: Facts, info: BackboneInfo, problems: Sequence[Problem]) -> str:
        """Pretrained encoders."""
        return against_training_in_part(info)

    def stages(self, trial: Trial, runtime: Runtime, model: Model) -> Iterable[Stage]:
        """One stage."""
        from autosft.api.tensors import train_only
        from autosft_strategies.stages import supervised_stage

        train_only(model.encoder, set(_vectors(model.encoder, str(trial.parts.recipe.of(self.name)["what"]))))
        yield supervised_stage(trial, runtime, model, "bitfit")


def _vectors(encoder: Encoder, what: str) -> Iterator[str]:
    """The names of parameters of one dimension: all, those that are biases, or those of modules with such a weight."""
    for place, module in encoder.named_modules():
        weight = getattr(module, "weight", None)
        for name, parameter in module.named_parameters(recurse=False):
            chosen = {
                "biases and norms": True,
                "biases": "bias" in name,  # `bias_ih_l0` of recurrent layers, too
                "norms": weight is not None and weight.ndim == 1,
            }
            if parameter.ndim == 1 and chosen[what]:
                yield f"{place}.{name}".lstrip(".")
