"""Every command that the docs tell a reader to type is one that can be typed."""

from __future__ import annotations

import ast
import inspect

import pytest
from command_line import check_names, check_packages, parse
from pages import blocks_of, commands_of
from places import DOCS, ROOT

import autosft

OURS = sorted([*(DOCS / "how-to").glob("*.md"), *(DOCS / "get-started").glob("*.md")])
OTHERS = sorted({*DOCS.rglob("*.md"), ROOT / "README.md", *ROOT.glob("plugins/*/README.md")} - {*OURS})
LONGEST = 70
"""Lines of a how-to page: one task."""


def name_of(page):
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", [*OURS, *OTHERS], ids=name_of)
def test_every_command_has_options_that_exist_and_values_that_parse(page):
    for command in commands_of(page):
        if command.words[0] != "autosft" or any("Error: " in line for line in command.prints):
            continue
        values = parse(command)
        if page in OURS and command.words[1] == "search":
            check_names(values)


@pytest.mark.parametrize("page", OURS, ids=name_of)
def test_every_package_that_is_to_be_installed_is_one(page):
    for command in commands_of(page):
        if command.words[0] == "pip":
            check_packages(command)


@pytest.mark.parametrize("page", OURS, ids=name_of)
def test_python_on_a_page_calls_what_there_is(page):
    for block in blocks_of(page):
        if block.language != "python":
            continue
        for call in (node for node in ast.walk(ast.parse(block.text)) if isinstance(node, ast.Call)):
            name = getattr(call.func, "attr", getattr(call.func, "id", ""))
            if name in autosft.__all__:
                takes = inspect.signature(getattr(autosft, name)).parameters
                assert {keyword.arg for keyword in call.keywords} <= {*takes}, ast.unparse(call)


@pytest.mark.parametrize("page", sorted((DOCS / "how-to").glob("*.md")), ids=name_of)
def test_a_how_to_page_says_first_what_is_needed_and_last_what_to_do_if_it_does_not_work(page):
    lines = page.read_text().splitlines()
    assert lines[0].startswith("# ") and lines[2].startswith("You need ")
    assert "## If it does not work" in lines or "## If the search is refused" in lines
    assert len(lines) <= LONGEST
