"""Small tables, written as programs and people write them."""

from __future__ import annotations

import numpy as np
import pytest

from autosft.tables.table import Table, as_column

PROSE = (
    "a fine film, really; one of the best",
    "dull and far too long",
    "it's the kind of thing you like, or not",
    "I left before the end",
    "well played by all",
    "not for me, thanks",
)
LABELS = ("good", "bad", "good", "bad", "good", "bad")


@pytest.fixture
def write(tmp_path):
    """Writes a file below the test's folder, and gives its path."""

    def write_file(name, content, encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write_file


def table_of(splits=None, *, complete=True, **columns):
    """A table of these columns."""
    rows = len(next(iter(columns.values())))
    return Table(
        columns={name: as_column(list(cells)) for name, cells in columns.items()},
        places=as_column([f"t.csv:{row + 2}" for row in range(rows)]),
        splits=as_column(list(splits or [""] * rows)),
        skipped=(),
        dialect="",
        complete=complete,
    )


def some(count, *values, seed=0):
    """So many cells, drawn from the values."""
    return np.random.default_rng(seed).choice(np.array(values, dtype=object), count).tolist()
