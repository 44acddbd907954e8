"""A section of the report about what a model answered: `ReportSection`, given `Answers`, shows `ReportedRow`s."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

from autosft.contracts.problem import Outputs, Problem
from autosft.contracts.rows import Row, Rows
from autosft.contracts.state import State


@dataclass(frozen=True)
class Answers:
    """What was said of the test rows, or where there are none of the validation rows, for one target.

    Attributes:
        problem: What was asked.
        split: `"test"` or `"valid"`.
        rows: The rows that have the target, in the order of the outputs.
        targets: Their targets, as written.
        outputs: What was answered, in numbers.
        state: What decides over the numbers.
        names: What the columns of the target are called.
    """

    problem: Problem
    split: Literal["test", "valid"]
    rows: Rows
    targets: Sequence[Any]
    outputs: Outputs
    state: State
    names: tuple[str, ...] = ()

    def decided(self) -> Sequence[Any]:
        """The answers, in the words of the targets."""
        return self.problem.decide(self.outputs, self.state)


@dataclass(frozen=True)
class ReportedRow:
    """A row, and what is remarkable about it.

    Attributes:
        row: The row.
        target: Its target, in words.
        answer: The model's answer, in words.
        why: How sure the model was, or how far off, in words.
    """

    row: Row
    target: str
    answer: str
    why: str


class Show(Protocol):
    """Shows rows as their modality does: thumbnails, texts, waveforms. It is called as a function:
    `show(rows, target="Label", answer="Answer")`, with a sequence of `ReportedRow`; `target` and `answer` stand before
    their targets and answers. It gives HTML, which is put into that of the section as it is.
    """

    def __call__(self, rows: Sequence[ReportedRow], target: str = "Label", answer: str = "Answer") -> str:
        """HTML of a gallery of rows; `target` and `answer` stand before their targets and answers."""
        ...


class ReportSection(ABC):
    """What a report says of the answers for a target, by their form: any problem that gives such answers has it.

    Attributes:
        name: A short name, unique among sections.
    """

    name: ClassVar[str]

    @abstractmethod
    def accepts(self, answers: Answers) -> bool:
        """Whether these answers have the form that it knows, such as `"probabilities"` in `answers.outputs.arrays`.
        There is at least one row."""

    @abstractmethod
    def html(self, answers: Answers, show: Show) -> str:
        """The section, as HTML that begins with a heading `<h3>`: it stands below the heading `<h2>` "Right and wrong".
        What comes from the data must be escaped in it, as by `html.escape`. The page loads nothing and runs no script.

        Args:
            answers: Answers that it accepts.
            show: Makes a gallery of rows, to be put into the HTML as it is.
        """
