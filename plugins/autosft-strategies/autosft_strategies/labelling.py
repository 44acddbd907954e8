"""`FrozenHead`: what strategies share that solve a head on frozen features with rows without targets."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from autosft.api import BackboneInfo, Facts, Fit, Problem, Runtime, Strategy, Trial
from autosft_strategies.reasons import against_labelling

if TYPE_CHECKING:
    from autosft.api.tensors import Model
    from autosft_strategies.pseudolabels import Solve


class FrozenHead(Strategy):
    """One fit of a linear head, on at most 4,000 rows without targets beside the labelled ones."""

    cheap, most_unlabeled = True, 4000

    @abstractmethod
    def solver(self) -> Solve:
        """What solves the heads on all encoders; it is imported here, as it needs torch."""

    def accepts(self, facts: Facts, info: BackboneInfo, problems: Sequence[Problem]) -> str:
        """Any encoder that knows something before it is trained, where each row is of one class."""
        return against_labelling(info, problems)

    def stages(self, trial: Trial, runtime: Runtime, model: Model) -> Iterable[Fit]:
        """The head, solved."""
        yield Fit(self.name, partial(self._solve, trial, runtime, model))

    def _solve(self, trial: Trial, runtime: Runtime, model: Model) -> None:
        from autosft_strategies.pseudolabels import solve_together

        solve_together(trial, runtime, model, self.solver())
