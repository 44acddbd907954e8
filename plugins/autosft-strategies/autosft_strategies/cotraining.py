"""`CoTraining`: a linear head on frozen features that learns from rows without targets as several encoders see them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, final

from autosft.api import BackboneInfo, Facts, Fit, Problem, Runtime, Strategy, Trial
from autosft_strategies.reasons import against_labelling

if TYPE_CHECKING:
    from autosft.api.tensors import Model


@final
class CoTraining(Strategy):
    """Linear heads on the frozen features of several backbones label rows without targets together, and learn from what
    they are sure of; the trial keeps the head on its own backbone.

    What several unlike views of a row agree on is more often right than what one is sure of (co-training: Blum and
    Mitchell, 1998; several pretrained encoders: V-PET, 2025, arXiv 2503.09707). In each round the heads learn from the
    labelled rows and from the surest rows of each class, of which each round takes more (curriculum labelling:
    Cascante-Bonilla et al., 2021). Heads that answer fewer labelled rows rightly, in cross-validation, count
    less.
    """

    name, prior, cheap = "cotraining", 1.0, True
    wants, most_unlabeled = frozenset({"unlabeled", "encoders"}), 4000

    def accepts(self, facts: Facts, info: BackboneInfo, problems: Sequence[Problem]) -> str:
        """Any encoder that knows something before it is trained, where each row is of one class."""
        return against_labelling(info, problems)

    def stages(self, trial: Trial, runtime: Runtime, model: Model) -> Iterable[Fit]:
        """The head, solved round by round."""
        yield Fit("cotraining", partial(_solve, trial, runtime, model))


def _solve(trial: Trial, runtime: Runtime, model: Model) -> None:
    from autosft_strategies.pseudolabels import label_and_solve, solve_together

    solve_together(trial, runtime, model, label_and_solve)
