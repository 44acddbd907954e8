"""A kind of files that needs no decoder: letters are texts, and blank ones cannot be read."""

from pathlib import Path

import pytest

from autosft.errors import Unreadable
from autosft.folders.files import FileKind


def _inspect(path):
    try:
        text = Path(path).read_text()
    except OSError as error:
        raise Unreadable("the file is missing") from error
    if not text.strip():
        raise Unreadable("no words in it")
    return {"path": path, "length": len(text)}


@pytest.fixture
def letters():
    return FileKind("a letter", "letters", frozenset({".let", ".txt"}), lambda path: False, _inspect)


@pytest.fixture
def write(tmp_path):
    """Write letters, whose words are their paths, into a folder that has none beside it."""
    home = tmp_path / "home"

    def make(*names):
        for name in names:
            path = home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        return home

    return make
