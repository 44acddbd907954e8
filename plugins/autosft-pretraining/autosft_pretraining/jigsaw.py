"""`Jigsaw`: an encoder tells in which order the tiles of a picture were laid out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, final

from autosft.api import BackboneInfo, Choice, Facts, Problem, Space, Trial
from autosft_pretraining.pretraining import Pretraining, rates

if TYPE_CHECKING:
    from autosft.api.tensors import Encoder
    from autosft_pretraining.objective import Objective


@final
class Jigsaw(Pretraining):
    """Jigsaw puzzles (Noroozi and Favaro, 2016): a picture is cut into tiles, which are laid out in one of 64 orders
    that differ in as many places as possible. Each tile is a random part of its cell and has the mean and the variance
    of every other, so that neither edges nor brightness tell the order."""

    name, prior, optional = "jigsaw", 0.3, True
    views = ("light",)
    space: ClassVar[Space] = {
        "tiles": Choice((3, 2), doc="tiles across and down"),
        **rates(passes=20),
    }

    def accepts(self, facts: Facts, info: BackboneInfo, problems: Sequence[Problem]) -> str:
        """Encoders of images."""
        unfit = super().accepts(facts, info, problems)
        return unfit or ("" if info.inputs.kind == "image" else "only pictures can be cut into tiles")

    def objective(self, trial: Trial, encoder: Encoder) -> Objective:
        """What tells the order."""
        from autosft_pretraining.puzzles import Puzzles

        return Puzzles(encoder, int(trial.parts.recipe.of(self.name)["tiles"]), maps="maps" in trial.parts.info.gives)
