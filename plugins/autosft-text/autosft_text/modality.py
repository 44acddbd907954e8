"""`TextModality`: texts in tables and in folders. Knows no backbone and no problem."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, final

from autosft.api import (
    BackboneInfo,
    Float,
    Hints,
    InferredTask,
    Inputs,
    Modality,
    Preview,
    Read,
    Recipe,
    Row,
    Rows,
    Scan,
    Space,
    State,
    Strength,
    Task,
    Unreadable,
    View,
)
from autosft.api.inputs import recognize_files, scan_folder
from autosft_text.files import TEXTS
from autosft_text.joining import as_lines
from autosft_text.listing import collect
from autosft_text.tables import recognize_table, scan_table
from autosft_text.views import TextView
from autosft_text.words import pieces


@final
class TextModality(Modality):
    """Texts of any language: a row refers to the text itself.

    An encoder of texts is fed `Inputs(kind="text")`. What it gets is a list with a str per row. There are no options:
    encoders have tokenizers of their own, and cut texts to the length that they take. `length` is about how many tokens
    a text has; rows of like length are batched together.
    """

    name = "text"
    kinds = frozenset({"text"})
    augmentation: ClassVar[Space] = {"drop": Float(0.02, 0.2, default=0.1, log=True, doc="fraction of words left out")}

    def recognize(self, path: Path, hints: Hints = Hints()) -> InferredTask | None:
        """Recognize a table with a column of prose, or a folder with a subfolder of texts per class."""
        return recognize_files(path, TEXTS, self.name, hints, table=recognize_table)

    def scan(self, task: Task) -> Scan:
        """Read every text. A row without text is a skipped sample; one without target may still be learned from."""
        return scan_folder(task, TEXTS) if "folder" in task.data else scan_table(task)

    def collect(self, inputs: Sequence[Any], task: Task) -> Scan:
        """Texts; tuples or mappings of their parts; paths of tables, of texts, and of folders of either. A str that is
        not the path of anything is a text."""
        return collect(inputs, task)

    def read(self, row: Row) -> str:
        """The text."""
        if not isinstance(row.ref, str):
            raise Unreadable(f"{row.id}: no text.")
        return row.ref

    def preview(self, row: Row) -> Preview:
        """The text, with each of its parts on a line of its own."""
        return Preview(as_lines(self.read(row)))

    def digest(self, row: Row) -> str:
        """Of the text in UTF-8."""
        return hashlib.sha256(self.read(row).encode()).hexdigest()

    def length(self, row: Row) -> int:
        """About how many tokens it has."""
        return pieces(self.read(row))

    def fit(self, rows: Rows, read: Read) -> State:
        """The languages of the texts."""
        from autosft_text.languages import languages_of

        return State({"languages": list(languages_of([read(row) for row in rows]))})

    def describe(self, state: State) -> str:
        """The languages."""
        languages = state.values.get("languages", [])
        return f"language: {', '.join(languages)}" if languages else ""

    def unfamiliar(self, info: BackboneInfo, state: State) -> str:
        """An encoder knows a language or does not; nothing is said where either is unknown."""
        languages = state.values.get("languages", [])
        if not languages or not info.languages or info.languages & set(languages):
            return ""
        return f"knows {', '.join(sorted(info.languages))}, and the texts are in {', '.join(languages)}"

    def view(self, inputs: Inputs, recipe: Recipe, state: State, *, strength: Strength) -> View:
        """From a text to a text; those to learn from may lack some words."""
        return TextView(strength, float(recipe.of(self.name).get("drop", 0.1)))

    def collate(self, samples: Sequence[str]) -> list[str]:
        """The texts as they are: encoders have tokenizers of their own."""
        return list(samples)
