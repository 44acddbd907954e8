"""`Metric`: one score of a problem's answers, of the problem's own or of a plugin's."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

from autosft.errors import BadInput


@final
@dataclass(frozen=True)
class Metric:
    """One score of the answers to a problem.

    A problem has its own in `Problem.metrics`; a plugin adds more to any problem by the hook `autosft_metrics`. From
    then on there is no difference: `--metric` takes its name, and `autosft metrics` lists it.

    Attributes:
        name: What `--metric` calls it; unique among the metrics of its problem. By scikit-learn's custom it begins with
            `"neg_"` where less is better.
        problem: The name of the problem.
        function: Computes it for a number of rows. Its parameters are named after what it needs of what the problem
            gives (`Problem.compared`), such as `truth`, `answered` and `probabilities`. It gives a finite number for
            every choice of rows, also for a single row and for rows that are all alike: a bootstrap draws such ones.
        about: What it is, in one line for the user.
        greater_is_better: Whether more is better. If not, the score is the function's number with its sign changed.
        range: The least and the greatest number that the function can give. A search that has the best of them ends.
        every_class_counts: Whether a rare class or label counts as much as a frequent one, as in a macro average. If
            so, a search also tries to balance them.
    """

    name: str
    problem: str
    function: Callable[..., float]
    about: str = ""
    greater_is_better: bool = True
    range: tuple[float, float] = (float("-inf"), float("inf"))
    every_class_counts: bool = False

    @cached_property
    def takes(self) -> tuple[str, ...]:
        """What the function needs: the names of its parameters that have no default."""
        parameters = inspect.signature(self.function).parameters.values()
        return tuple(one.name for one in parameters if one.default is one.empty)

    @property
    def decided(self) -> bool:
        """Whether it looks at answers as they are decided, and so depends on thresholds."""
        return "answered" in self.takes

    @property
    def highest(self) -> float:
        """The highest score there can be."""
        return self.range[1] if self.greater_is_better else 0.0 - self.range[0]

    def score(self, compared: Mapping[str, Any]) -> float:
        """The score of rows; higher is better.

        Args:
            compared: What `Problem.compared` gives of them.

        Raises:
            BadInput: The function needs something that the problem does not give.
        """
        try:
            value = float(self.function(**{name: compared[name] for name in self.takes}))
        except KeyError as error:
            if error.args[0] not in self.takes:
                raise
            raise BadInput(
                f"The metric {self.name!r} takes {error.args[0]!r}, and {self.problem} gives {', '.join(compared)}."
            ) from error
        return value if self.greater_is_better else 0.0 - value  # not -value, as 0 has no sign


def by_name(*metrics: Metric) -> Mapping[str, Metric]:
    """Metrics by their names, in their order."""
    return {metric.name: metric for metric in metrics}
