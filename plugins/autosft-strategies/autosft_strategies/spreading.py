"""`Spreading`: co-training whose answers spread to rows that lie near."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, final

from autosft.api import BackboneInfo, Facts, Fit, Problem, Runtime, Strategy, Trial
from autosft_strategies.reasons import against_labelling

if TYPE_CHECKING:
    from autosft.api.tensors import Model


@final
class Spreading(Strategy):
    """Label spreading (Zhou et al., 2004) on a graph of nearest neighbors, of what the heads of co-training answer.

    Rows that several encoders see near to each other are likely of one class. So before rows are labelled in a round,
    what the heads answer to each is averaged with what they answer to its neighbors, and with the labels of those that
    have one. Labels alone, as in the paper, spread less well: the heads know more than the graph does.
    """

    name, prior, cheap = "spreading", 0.95, True
    wants, most_unlabeled = frozenset({"unlabeled", "encoders"}), 4000

    def accepts(self, facts: Facts, info: BackboneInfo, problems: Sequence[Problem]) -> str:
        """Any encoder that knows something before it is trained, where each row is of one class."""
        return against_labelling(info, problems)

    def stages(self, trial: Trial, runtime: Runtime, model: Model) -> Iterable[Fit]:
        """The head, solved round by round."""
        yield Fit("spreading", partial(_solve, trial, runtime, model))


def _solve(trial: Trial, runtime: Runtime, model: Model) -> None:
    from autosft_strategies.graph import spread_and_solve
    from autosft_strategies.pseudolabels import solve_together

    solve_together(trial, runtime, model, spread_and_solve)
