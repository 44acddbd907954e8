"""`State`: what a part learned from the training rows, such as a vocabulary, class names or thresholds.

A state is plain JSON and numeric arrays. It is saved with the model and never pickled. A `Document` may hold one, if it
is small.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True, eq=False)
class State:
    """What a part learned from the training rows. It is saved with the model.

    Attributes:
        values: Plain JSON by name, such as the names of classes.
        arrays: Numeric arrays by name, of any shape, such as the mean of each feature.
    """

    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    arrays: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict[str, npt.NDArray[Any]])

    def digest(self) -> str:
        """sha256 of the content."""
        content = hashlib.sha256(json.dumps(self.values, sort_keys=True).encode())
        for name, array in sorted(self.arrays.items()):
            content.update(f"{name} {array.dtype} {array.shape}".encode())
            content.update(np.ascontiguousarray(array).data)
        return content.hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, State) and self.digest() == other.digest()

    def __hash__(self) -> int:
        return hash(self.digest())

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """In a `Document` arrays are bytes in base64, so that every number stays what it is."""
        return core_schema.no_info_plain_validator_function(
            _from_document, serialization=core_schema.plain_serializer_function_ser_schema(_to_document)
        )

    def plain(self, key: str, arrays: dict[str, npt.NDArray[Any]]) -> dict[str, Any]:
        """The values as plain data; the arrays are put into `arrays` as `key/name`."""
        for name, array in self.arrays.items():
            arrays[f"{key}/{name}"] = np.ascontiguousarray(array)
        return {"values": dict(self.values), "arrays": sorted(self.arrays)}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], key: str, arrays: Mapping[str, npt.NDArray[Any]]) -> State:
        """What `plain` gave."""
        return cls(plain["values"], {name: arrays[f"{key}/{name}"] for name in plain["arrays"]})


def _to_document(state: State) -> dict[str, Any]:
    arrays = {
        name: {
            "dtype": array.dtype.str,
            "shape": list(array.shape),
            "base64": base64.b64encode(np.ascontiguousarray(array).tobytes()).decode(),
        }
        for name, array in state.arrays.items()
    }
    return {"values": dict(state.values), "arrays": arrays}


def _from_document(given: Any) -> State:
    if isinstance(given, State):
        return given
    try:
        arrays = {
            name: np.frombuffer(base64.b64decode(plain["base64"]), plain["dtype"]).reshape(plain["shape"]).copy()
            for name, plain in given["arrays"].items()
        }
        return State(dict(given["values"]), arrays)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"no state of a part ({error})") from error
