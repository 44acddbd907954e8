"""`Spreading`: co-training whose answers spread to rows that lie near."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from autosft_strategies.labelling import FrozenHead

if TYPE_CHECKING:
    from autosft_strategies.pseudolabels import Solve


@final
class Spreading(FrozenHead):
    """Label spreading (Zhou et al., 2004) on a graph of nearest neighbors, of what the heads of co-training answer.

    Rows that several encoders see near to each other are likely of one class. So before rows are labelled in a round,
    what the heads answer to each is averaged with what they answer to its neighbors, and with the labels of those that
    have one. Labels alone, as in the paper, spread less well: the heads know more than the graph does.
    """

    name, prior = "spreading", 0.95
    wants = frozenset({"unlabeled", "encoders"})

    def solver(self) -> Solve:
        """Imported when it is asked for."""
        from autosft_strategies.graph import spread_and_solve

        return spread_and_solve
