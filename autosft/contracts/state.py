"""`State`: what a part learned from the training rows, such as a vocabulary, class names or thresholds.

A state is plain JSON and numeric arrays. It is saved with the model and never pickled.
"""

from __future__ import annotations

import hashlib
import json
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

    def with_values(self, **values: Any) -> State:
        """The same state with some values added or replaced."""
        return State({**self.values, **values}, self.arrays)

    def digest(self) -> str:
        """sha256 of the content."""
        content = hashlib.sha256(json.dumps(self.values, sort_keys=True).encode())
        for name, array in sorted(self.arrays.items()):
            content.update(f"{name} {array.dtype} {array.shape}".encode())
            content.update(np.ascontiguousarray(array).data)
        return content.hexdigest()

    def plain(self, key: str, arrays: dict[str, npt.NDArray[Any]]) -> dict[str, Any]:
        """The values as plain data; the arrays are put into `arrays` as `key/name`."""
        for name, array in self.arrays.items():
            arrays[f"{key}/{name}"] = np.ascontiguousarray(array)
        return {"values": dict(self.values), "arrays": sorted(self.arrays)}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], key: str, arrays: Mapping[str, npt.NDArray[Any]]) -> State:
        """What `plain` gave."""
        return cls(plain["values"], {name: arrays[f"{key}/{name}"] for name in plain["arrays"]})
