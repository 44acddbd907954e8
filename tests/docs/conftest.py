"""What a reader of the docs has before the first command: data like that on the pages, small and easy."""

from __future__ import annotations

import pytest
import readers_data


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, and a cache of its own."""
    monkeypatch.setenv("AUTOSFT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


@pytest.fixture
def data():
    """The functions that make it."""
    return readers_data
