"""The formats that a graph can be written in, each with a way to run the file without AutoSFT."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from autosft.deploy.extras import need

ONE_FILE = 1_800_000_000
"""Bytes of weights that an ONNX file can hold; of larger models they lie beside it."""


class Format(ABC):
    """How a traced graph is written.

    Attributes:
        name: As it is called.
        extra: The extra of autosft that brings `modules`; empty if torch is enough.
        modules: The libraries that it takes.
    """

    name: ClassVar[str]
    extra: ClassVar[str] = ""
    modules: ClassVar[tuple[str, ...]] = ()

    def ready(self) -> None:
        """Raise `PartMissing` if a library is missing."""
        if self.extra:
            need(self.extra, *self.modules)

    @abstractmethod
    def write(
        self, program: torch.export.ExportedProgram, file: Path, inputs: Sequence[str], outputs: Sequence[str]
    ) -> None:
        """Write the graph, and beside it what does not fit into one file."""

    @abstractmethod
    def run(self, file: Path, batches: Sequence[Mapping[str, Tensor]]) -> list[list[npt.NDArray[Any]]]:
        """What the file answers for each batch, one array per output."""


@final
class Onnx(Format):
    """ONNX, for onnxruntime and whatever else reads it."""

    name = "ONNX"
    extra = "export"
    modules = ("onnx", "onnxscript", "onnxruntime")

    def write(
        self, program: torch.export.ExportedProgram, file: Path, inputs: Sequence[str], outputs: Sequence[str]
    ) -> None:
        """By torch.onnx."""
        size = sum(tensor.nbytes for tensor in program.state_dict.values())
        torch.onnx.export(
            program,
            f=file,
            dynamo=True,
            input_names=list(inputs),
            output_names=list(outputs),
            external_data=size > ONE_FILE,
            verbose=False,
        )

    def run(self, file: Path, batches: Sequence[Mapping[str, Tensor]]) -> list[list[npt.NDArray[Any]]]:
        """By onnxruntime, on the CPU."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # what is wrong it raises too; its log goes past Python, in colors
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        feeds = [{name: one.numpy() for name, one in batch.items()} for batch in batches]
        return [[np.asarray(answer) for answer in session.run(None, feed)] for feed in feeds]


@final
class Torch(Format):
    """The archive of torch.export (.pt2), for programs with torch and without AutoSFT."""

    name = "torch.export"

    def write(
        self, program: torch.export.ExportedProgram, file: Path, inputs: Sequence[str], outputs: Sequence[str]
    ) -> None:
        """By torch.export; it knows inputs and outputs by their order."""
        torch.export.save(program, file)

    def run(self, file: Path, batches: Sequence[Mapping[str, Tensor]]) -> list[list[npt.NDArray[Any]]]:
        """Read again and called."""
        module = torch.export.load(file).module()
        with torch.no_grad():
            return [[answer.numpy() for answer in module(*batch.values())] for batch in batches]
