"""`export_model`: a predictor as a file, the description beside it, and the proof that both answer alike."""

from __future__ import annotations

import logging
import re
import tempfile
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import torch

from autosft.contracts.document import write_json
from autosft.contracts.rows import Rows
from autosft.deploy.export.formats import Format
from autosft.deploy.export.graph import AnswerGraph, traced, varying_axes
from autosft.deploy.predictor import Predictor
from autosft.errors import AutoSFTError, BadInput, CannotWrite

MOST_ROWS = 64
"""Rows on which file and model are compared."""

TOLERANCE = 1e-3
"""How far an answer of the file may be from the model's: absolute up to 1, relative beyond. Most are below 1e-5."""

WORDS = 160
"""Characters of why something cannot be traced."""

_FOR_TERMINALS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x1f\u2500-\u259f]")
"""Escape sequences (ECMA-48), other control characters, lines and blocks of boxes."""


@dataclass(frozen=True)
class Exported:
    """What was written, and the largest absolute difference between its answers and the model's on so many rows."""

    files: tuple[Path, ...]
    difference: float
    rows: int


def export_model(predictor: Predictor, file: Path, format: Format, rows: Rows) -> Exported:
    """Write a model for other programs, and check what was written against it.

    Args:
        predictor: The model, on the CPU.
        file: What to write. `FILE.json` beside it says how inputs are prepared and what outputs mean; other files that
            this takes, such as a tokenizer, have the file's name in front.
        format: What to write it in.
        rows: Real rows to check it with; the first 64 are taken.

    Raises:
        BadInput: The model cannot be written so, or what was written answers otherwise; nothing is left then.
        PartMissing: A library is missing.
        CannotWrite: The disk is full, or the folder cannot be written.
    """
    format.ready()
    if not len(rows):
        raise BadInput("There are no rows to check an export with; name some inputs with --check.")
    try:
        return _exported(predictor, file, format, rows[:MOST_ROWS])
    except OSError as error:
        raise CannotWrite.at(file, error) from error


def _exported(predictor: Predictor, file: Path, format: Format, rows: Rows) -> Exported:
    example = rows[:3] if len(rows) > 2 else rows.take([0, 0, 0])
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=f".{file.name}.") as folder:
        draft = Path(folder) / file.name
        graph = _written(predictor, draft, format, example)
        difference = _difference(predictor, graph, draft, format, [rows, rows[:1], example])
        if not difference <= TOLERANCE:
            raise BadInput(f"{file}: not written, because its answers differ from the model's by {difference:.2g}.")
        for feed in graph.feeds:
            for name, content in feed.graph.files.items():
                (Path(folder) / f"{file.stem}{feed.suffix}.{name}").write_bytes(content)
        described = _description(predictor, graph, file, format, difference, len(rows))
        write_json(Path(folder) / f"{file.name}.json", described)
        drafts = sorted(Path(folder).iterdir(), key=lambda path: path == draft)  # the graph comes last
        files = tuple(path.replace(file.parent / path.name) for path in drafts)
    return Exported(files, difference, len(rows))


def _written(predictor: Predictor, draft: Path, format: Format, example: Rows) -> AnswerGraph:
    with _refused(predictor, format), _silenced():
        graph = AnswerGraph(predictor).eval()
        _refuse_lengths(graph, example)
        program = traced(graph, example)
        format.write(program, draft, [name for feed in graph.feeds for name in feed.names], _outputs(graph))
    return graph


@contextmanager
def _refused(predictor: Predictor, format: Format) -> Generator[None]:
    """Turn whatever a network provokes in an exporter that does not know it into one line."""
    named = ", ".join(f"{parts.recipe.strategy} on {parts.recipe.backbone}" for parts, _ in predictor.members)
    try:
        yield
    except AutoSFTError as error:
        raise BadInput(f"This model ({named}) cannot be exported: {str(error).rstrip('.')}.") from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno:  # of the disk
            raise
        raise BadInput(f"This model ({named}) cannot be exported to {format.name}: {_told_by(error)}.") from error


def _told_by(error: BaseException) -> str:
    """What an exporter says of an error, in one plain line. Exporters wrap the cause in advice of many lines,
    with colors and boxes for a terminal."""
    while error.__cause__:
        error = error.__cause__
    lines = (_FOR_TERMINALS.sub(" ", line).split() for line in str(error).splitlines())
    first = next((" ".join(line) for line in lines if line), "")
    return f"{type(error).__name__}: {first}"[:WORDS].rstrip(" .:")


@contextmanager
def _silenced() -> Generator[None]:
    """Tracing tells at length what may go wrong; whether it did is checked."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def _refuse_lengths(graph: AnswerGraph, example: Rows) -> None:
    """Refuse tensors that are as long as their rows are, where the encoder does not say that they may be."""
    shapes = [graph.tensors(example[place : place + 1]) for place in range(len(example))]
    axes = varying_axes(graph)
    for one in shapes[1:]:
        for name, tensor in one.items():
            pairs = enumerate(zip(tensor.shape, shapes[0][name].shape, strict=True))
            if any(ours != theirs and axis not in axes[name] for axis, (ours, theirs) in pairs):
                raise BadInput(f"rows differ in length ({name}), and its encoder is made for one length at a time")


def _difference(predictor: Predictor, graph: AnswerGraph, file: Path, format: Format, parts: Sequence[Rows]) -> float:
    """The largest difference between the answers of the file and of the model, over batches of several sizes."""
    batches = [graph.tensors(part) for part in parts]
    with _refused(predictor, format):
        answered = format.run(file, batches)
    worst = 0.0
    for part, arrays in zip(parts, answered, strict=True):
        outputs = predictor.outputs(part)
        for (place, name), array in zip(graph.names, arrays, strict=True):
            wanted = outputs[place].arrays[name]
            if array.shape != wanted.shape:
                raise BadInput(f"The exported {name} have the shape {array.shape} instead of {wanted.shape}.")
            away = np.abs(array - wanted) / np.maximum(1.0, np.abs(wanted))
            worst = max(worst, float(away.max())) if np.isfinite(away).all() else float("inf")
    return worst


def _outputs(graph: AnswerGraph) -> list[str]:
    several = len({place for place, _ in graph.names}) > 1
    return [f"{name}_{place + 1}" if several else name for place, name in graph.names]


def _description(
    predictor: Predictor, graph: AnswerGraph, file: Path, format: Format, difference: float, rows: int
) -> dict[str, Any]:
    """What someone must know who has the file and neither AutoSFT nor the bundle."""
    axes = varying_axes(graph)
    inputs = [
        {
            "names": feed.names,
            "varying_axes": {name: {str(axis): what for axis, what in axes[name].items()} for name in feed.names},
            "preparation": feed.preparation(),
            "files": [f"{file.stem}{feed.suffix}.{name}" for name in feed.graph.files],
        }
        for feed in graph.feeds
    ]
    outputs = [
        {
            "name": output,
            "target": predictor.task.targets[place].name,
            "problem": predictor.task.targets[place].problem,
            "columns": list(predictor.class_names[place]) or None,
            "state": {key: array.tolist() for key, array in predictor.states[place].arrays.items()},
        }
        for output, (place, _) in zip(_outputs(graph), graph.names, strict=True)
    ]
    return {
        "format": format.name,
        "task": predictor.task.name,
        "modality": predictor.task.modality,
        "inputs": inputs,
        "outputs": outputs,
        "members": [
            {"backbone": parts.recipe.backbone, "strategy": parts.recipe.strategy, "weight": weight}
            for (parts, _), weight in zip(predictor.members, predictor.weights, strict=True)
        ],
        "checked": {"rows": rows, "largest_absolute_difference": difference},
        "torch": torch.__version__,
    }
