"""`Entropy`: a linear head that is sure of its answers to rows without targets, and keeps their proportions."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from autosft_strategies.labelling import FrozenHead

if TYPE_CHECKING:
    from autosft_strategies.pseudolabels import Solve


@final
class Entropy(FrozenHead):
    """A linear head on frozen features whose loss counts rows without targets: their answers have little entropy
    (Grandvalet and Bengio, 2005), and their mean stays near the proportions of the classes (Krause et al., 2010; TIM:
    Boudiaf et al., 2020). These are not supposed to be even: they are the mean of what a head answers that has learned
    from the labelled rows alone, from which the search for the minimum begins.

    It gains where the labels tell the classes well, and loses where they do not; co-training gains more.
    """

    name, prior, optional = "entropy", 0.8, True
    wants = frozenset({"unlabeled"})

    def solver(self) -> Solve:
        """Imported when it is asked for."""
        from autosft_strategies.entropy_terms import solve_with_entropy

        return solve_with_entropy
