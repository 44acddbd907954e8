"""`State`: what a part learned from the training rows, such as a vocabulary, class names or thresholds.

A state is plain JSON and numeric arrays. It is saved with the model and never pickled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class State:
    """Values (plain JSON) and arrays (numeric) by name."""

    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    arrays: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict[str, npt.NDArray[Any]])

    def with_(self, *, values: Mapping[str, Any] | None = None, arrays: Mapping[str, npt.NDArray[Any]] | None = None) -> State:
        """The same state with some entries added or replaced."""
        return State({**self.values, **(values or {})}, {**self.arrays, **(arrays or {})})

    def plain(self, key: str, arrays: dict[str, npt.NDArray[Any]]) -> dict[str, Any]:
        """The values as plain data; the arrays are put into `arrays` as `key/name`."""
        for name, array in self.arrays.items():
            arrays[f"{key}/{name}"] = np.ascontiguousarray(array)
        return {"values": dict(self.values), "arrays": sorted(self.arrays)}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], key: str, arrays: Mapping[str, npt.NDArray[Any]]) -> State:
        """What `plain` gave."""
        return cls(plain["values"], {name: arrays[f"{key}/{name}"] for name in plain["arrays"]})
