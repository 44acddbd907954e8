"""Whoever types what a tutorial in docs/tutorials says gets what it says: every file, every command, every output."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from pages import Reader, commands_of, files_of

from autosft.testing.scaffold import KINDS

FOLDER = Path(__file__).parents[2] / "docs" / "tutorials"
PAGES = sorted(FOLDER.glob("*.md"))
WALK = FOLDER / "few-labels.md"
OF_PARTS = [page for page in PAGES if page != WALK and page.stem != "debugging"]
IN_REFERENCE = {"metric": ("metrics.md", "autosft_metrics"), "section": ("report.md", "autosft_report_sections")}
"""The kinds whose example is short: its page of the reference, and its hook."""


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_tutorial_says_works(page, environment, tmp_path, monkeypatch):
    for name in ("WEIGHTS_MIRROR", "WEIGHTS_CACHE", "WORKER_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AUTOSFT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "here").mkdir()
    project = re.search(r'^name = "(.+)"', files_of(page).get("pyproject.toml", ""), re.MULTILINE)
    try:
        exactly = page != WALK  # it trains networks, and no two machines come to the same numbers
        Reader(tmp_path / "here", environment.python, install=environment.install, exactly=exactly).follow(page)
    finally:
        if project:
            environment.run("pip", "uninstall", "--quiet", "--yes", project[1], cwd=tmp_path)


def test_each_kind_of_part_has_a_tutorial_or_an_example_in_the_reference():
    assert set(KINDS) - set(IN_REFERENCE) <= {page.stem for page in PAGES}
    for page, hook in IN_REFERENCE.values():
        assert f"\ndef {hook}():" in (FOLDER.parent / "reference" / page).read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_tutorial_begins_with_what_it_needs(page):
    begin = page.read_text().split("\n## ")[1]

    assert begin.startswith("What you need\n")
    assert all(word in begin for word in ("Python 3.11", "pip install", "data", "minutes"))


@pytest.mark.parametrize("page", OF_PARTS, ids=lambda page: page.stem)
def test_a_tutorial_of_a_part_has_a_package_a_search_and_at_the_end_its_tests(page):
    files, commands = files_of(page), [command.words for command in commands_of(page)]

    assert "pyproject.toml" in files and any(name.startswith("tests/test_") for name in files)
    assert ("autosft", "search") in [words[:2] for words in commands]
    assert commands[-1] == ("pytest", "-q")


def test_the_walk_with_few_labels_pretrains_fine_tunes_annotates_and_answers_with_networks_of_each_kind():
    commands = [" ".join(command.words) for command in commands_of(WALK)]
    for name in ("transformers/bert", "transformers/gpt2", "lstm/", "cnn/", "wavenet/", "mlm", "jigsaw", "predict"):
        assert any(name in command for command in commands), name


def test_a_backbone_has_20_lines():
    """Without imports, blank lines and the docstring of the file, as the tutorial counts."""
    files = files_of(FOLDER / "backbone.md")
    trees = [ast.parse(files[name]) for name in ("trigrams/backbone.py", "trigrams/encoder.py")]
    spared = (ast.Import, ast.ImportFrom)
    lines = 0
    for tree in trees:
        kept = [node for node in tree.body if not isinstance(node, (*spared, ast.Expr))]
        imports = sum(isinstance(node, spared) for part in kept for node in ast.walk(part))
        lines += sum(len(ast.unparse(node).replace("\n\n", "\n").splitlines()) for node in kept) - imports
    assert lines == 20
