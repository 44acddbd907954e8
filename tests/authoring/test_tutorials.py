"""Whoever types what a tutorial in docs/tutorials says gets what it says: every file, every command, every output."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from pages import Reader, commands_of, files_of

TUTORIALS = sorted((Path(__file__).parents[2] / "docs" / "tutorials").glob("*.md"))


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("tutorial", TUTORIALS, ids=lambda path: path.stem)
def test_what_a_tutorial_says_works(tutorial, environment, tmp_path):
    Reader(tmp_path, environment.python, install=environment.install, exactly=True).follow(tutorial)


def test_there_are_three_and_each_has_a_package_and_a_search():
    assert [path.stem for path in TUTORIALS] == ["backbone", "modality", "strategy"]
    for tutorial in TUTORIALS:
        assert "pyproject.toml" in files_of(tutorial)
        assert ("autosft", "search") in [command.words[:2] for command in commands_of(tutorial)]


def test_a_backbone_has_20_lines():
    """Without imports, blank lines and the docstring of the file, as the tutorial counts."""
    files = files_of(TUTORIALS[0])
    trees = [ast.parse(files[name]) for name in ("trigrams/backbone.py", "trigrams/encoder.py")]
    spared = (ast.Import, ast.ImportFrom)
    lines = 0
    for tree in trees:
        kept = [node for node in tree.body if not isinstance(node, (*spared, ast.Expr))]
        imports = sum(isinstance(node, spared) for part in kept for node in ast.walk(part))
        lines += sum(len(ast.unparse(node).replace("\n\n", "\n").splitlines()) for node in kept) - imports
    assert lines == 20
