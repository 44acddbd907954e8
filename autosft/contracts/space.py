"""A declared search space: what a part lets the search decide.

Plugins write `Float`, `Int` and `Choice`; they never see the sampler. A space maps dotted names to parameters:
`"optim.lr"` is shared by all strategies, `"probe_epochs"` belongs to the part that declares it. The `doc` of a
parameter is one line for users, which `autosft plugins show` prints; spaces that differ in it alone are equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from autosft.errors import BadInput

Value = bool | int | float | str
"""What a parameter may be."""


@dataclass(frozen=True)
class Float:
    """A real number in [low, high], both included.

    Attributes:
        low: The least value.
        high: The largest value.
        default: What is tried first; lies between them.
        log: Whether it is drawn on a logarithmic scale; then `low` is above 0.
        doc: What it means, in a line for users.

    Raises:
        BadInput: The default lies outside, or a logarithmic range is not positive.
    """

    low: float
    high: float
    default: float
    log: bool = False
    doc: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        _check_range(self.low, self.high, self.default, log=self.log)

    def holds(self, value: Value) -> bool:
        """Whether the value is allowed."""
        return isinstance(value, (int, float)) and not isinstance(value, bool) and self.low <= value <= self.high


@dataclass(frozen=True)
class Int:
    """A whole number in [low, high], both included.

    Attributes:
        low: The least value.
        high: The largest value.
        default: What is tried first; lies between them.
        log: Whether it is drawn on a logarithmic scale; then `low` is above 0.
        doc: What it means, in a line for users.

    Raises:
        BadInput: The default lies outside, or a logarithmic range is not positive.
    """

    low: int
    high: int
    default: int
    log: bool = False
    doc: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        _check_range(self.low, self.high, self.default, log=self.log)

    def holds(self, value: Value) -> bool:
        """Whether the value is allowed."""
        return isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high


@dataclass(frozen=True)
class Choice:
    """One of several values.

    Attributes:
        options: The values, each once; the first is the default.
        doc: What it means, in a line for users.

    Raises:
        BadInput: There is no option, or one comes twice.
    """

    options: tuple[Value, ...]
    doc: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not self.options or len(set(self.options)) != len(self.options):
            raise BadInput(f"A Choice needs one or more distinct options, not {self.options!r}.")

    @property
    def default(self) -> Value:
        """The first option."""
        return self.options[0]

    def holds(self, value: Value) -> bool:
        """Whether the value is one of the options."""
        return value in self.options


Parameter = Float | Int | Choice
"""A parameter and the values that it may have."""

Space = Mapping[str, Parameter]
"""Parameters by name. In the recipe a part's own parameters stand under its name; in the space of a strategy a dotted
name such as `"optim.lr"` is a shared field of the recipe."""


def defaults(space: Space) -> dict[str, Value]:
    """The default of every parameter."""
    return {name: parameter.default for name, parameter in space.items()}


def written(value: Value) -> str:
    """A value as `--set` takes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def range_of(parameter: Parameter) -> str:
    """What a parameter may be, in words."""
    if isinstance(parameter, Choice):
        return ", ".join(map(written, parameter.options))
    return f"{written(parameter.low)} to {written(parameter.high)}{', logarithmic' if parameter.log else ''}"


def _check_range(low: float, high: float, default: float, *, log: bool) -> None:
    if not low <= default <= high:
        raise BadInput(f"The default {default} lies outside [{low}, {high}].")
    if log and low <= 0:
        raise BadInput(f"A logarithmic range must be positive, not [{low}, {high}].")
