"""`Entropy`: a linear head that is sure of its answers to rows without targets, and keeps their proportions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, final

from autosft.api import BackboneInfo, Facts, Fit, Problem, Runtime, Strategy, Trial
from autosft_strategies.reasons import against_labelling

if TYPE_CHECKING:
    from autosft.api.tensors import Model


@final
class Entropy(Strategy):
    """A linear head on frozen features whose loss counts rows without targets: their answers have little entropy
    (Grandvalet and Bengio, 2005), and their mean stays near the proportions of the classes (Krause et al., 2010; TIM:
    Boudiaf et al., 2020). These are not supposed to be even: they are the mean of what a head answers that has learned
    from the labelled rows alone, from which the search for the minimum begins.

    It gains where the labels tell the classes well, and loses where they do not; co-training gains more.
    """

    name, prior, cheap, optional = "entropy", 0.8, True, True
    wants, most_unlabeled = frozenset({"unlabeled"}), 4000

    def accepts(self, facts: Facts, info: BackboneInfo, problems: Sequence[Problem]) -> str:
        """Any encoder that knows something before it is trained, where each row is of one class."""
        return against_labelling(info, problems)

    def stages(self, trial: Trial, runtime: Runtime, model: Model) -> Iterable[Fit]:
        """The head, solved."""
        yield Fit("entropy", partial(_solve, trial, runtime, model))


def _solve(trial: Trial, runtime: Runtime, model: Model) -> None:
    from autosft_strategies.entropy_terms import solve_with_entropy
    from autosft_strategies.pseudolabels import solve_together

    solve_together(trial, runtime, model, solve_with_entropy)
