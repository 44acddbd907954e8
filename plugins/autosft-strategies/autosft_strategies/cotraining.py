"""`CoTraining`: a linear head on frozen features that learns from rows without targets as several encoders see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from autosft_strategies.labelling import FrozenHead

if TYPE_CHECKING:
    from autosft_strategies.pseudolabels import Solve


@final
class CoTraining(FrozenHead):
    """Linear heads on the frozen features of several backbones label rows without targets together, and learn from what
    they are sure of; the trial keeps the head on its own backbone.

    What several unlike views of a row agree on is more often right than what one is sure of (co-training: Blum and
    Mitchell, 1998; several pretrained encoders: V-PET, 2025, arXiv 2503.09707). In each round the heads learn from the
    labelled rows and from the surest rows of each class, of which each round takes more (curriculum labelling:
    Cascante-Bonilla et al., 2021). Heads that answer fewer labelled rows rightly, in cross-validation, count
    less.
    """

    name, prior = "cotraining", 1.0
    wants = frozenset({"unlabeled", "encoders"})

    def solver(self) -> Solve:
        """Imported when it is asked for."""
        from autosft_strategies.pseudolabels import label_and_solve

        return label_and_solve
