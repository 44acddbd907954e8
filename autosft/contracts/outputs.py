"""`StoredOutputs`: what a trial answered on the validation rows, as it lies in the trial's folder, and what the model
of a run answered on the test rows.

Ensembles are chosen by the former, which outlives the trial's model; reports look into both. `outputs.safetensors`
holds arrays and the numbers of the rows, `outputs.json` the rest, and vouches for them. Nothing is pickled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from autosft.contracts.document import Sealed, sha256_of, write_whole
from autosft.contracts.problem import Outputs
from autosft.contracts.rows import Columns, Rows
from autosft.contracts.state import State
from autosft.errors import BadInput

ARRAYS, DOCUMENT = "outputs.safetensors", "outputs.json"
OUTPUT_FILES = (ARRAYS, DOCUMENT)
_ROWS = "rows"

SOUP = "soup"
"""The folder in a trial's folder where the model and the answers of a soup lie of which it is the best ingredient."""

TEST_OUTPUTS = "test-outputs"
"""The folder in a run's folder where the answers of its model to the test rows lie."""


class _Answered(Sealed):
    """What `outputs.json` holds: for each target the names of its arrays, its items and its state."""

    problems: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class StoredOutputs:
    """Answers to the validation rows, or to the test rows, in the order of the task's targets.

    Attributes:
        rows: What was answered; read again, they are of the same columns.
        outputs: The answers for each target to these rows, in their order.
        states: Each target's state, as tuned on the validation rows; with it the answers can be decided and scored.
    """

    rows: Rows
    outputs: tuple[Outputs, ...]
    states: tuple[State, ...]

    def write(self, folder: Path) -> None:
        """Put them into a folder, floating-point numbers in single precision; `outputs.json` comes last.

        Raises:
            CannotWrite: The disk is full, or the folder cannot be written.
        """
        from safetensors.numpy import save

        arrays: dict[str, npt.NDArray[Any]] = {_ROWS: np.ascontiguousarray(self.rows.numbers)}
        problems: list[dict[str, Any]] = []
        for number, (answers, state) in enumerate(zip(self.outputs, self.states, strict=True)):
            arrays |= {f"{number}/outputs/{name}": _single(array) for name, array in answers.arrays.items()}
            problems.append(
                {
                    "arrays": sorted(answers.arrays),
                    "items": answers.items,
                    "state": state.plain(f"{number}/state", arrays),
                }
            )
        content = save(arrays)
        write_whole(folder / ARRAYS, content)
        files = {ARRAYS: sha256_of(content)}
        _Answered(problems=tuple(problems), files=files).sealed().write(folder / DOCUMENT)

    @staticmethod
    def is_there(folder: Path) -> bool:
        """Whether a trial's folder holds any."""
        return (folder / DOCUMENT).exists()

    @classmethod
    def read(cls, folder: Path, columns: Columns) -> Self:
        """What `write` put there.

        Args:
            folder: Where.
            columns: Those of the rows.

        Raises:
            BadInput: There is nothing, or it is damaged, or of other rows.
        """
        from safetensors.numpy import load

        document = _Answered.read(folder / DOCUMENT)
        if damage := document.damage(folder / DOCUMENT):
            raise BadInput(f"{damage}.")
        arrays: dict[str, npt.NDArray[Any]] = load((folder / ARRAYS).read_bytes())
        numbers = arrays[_ROWS]
        if numbers.max(initial=-1) >= len(columns):
            raise BadInput(f"{folder / ARRAYS}: answers to other rows than there are.")
        outputs: list[Outputs] = []
        states: list[State] = []
        for number, plain in enumerate(document.problems):
            own = {name: arrays[f"{number}/outputs/{name}"] for name in plain["arrays"]}
            outputs.append(Outputs(own, tuple(plain["items"])))
            states.append(State.from_plain(plain["state"], f"{number}/state", arrays))
        return cls(Rows(columns, numbers), tuple(outputs), tuple(states))


def _single(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """In single precision, if these are floating-point numbers."""
    floating = np.issubdtype(array.dtype, np.floating)
    return np.ascontiguousarray(array, dtype=np.float32 if floating else array.dtype)
