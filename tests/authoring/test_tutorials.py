"""Whoever types what a tutorial in docs/tutorials says gets what it says: every file, every command, every output."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest

TUTORIALS = sorted((Path(__file__).parents[2] / "docs" / "tutorials").glob("*.md"))
FILE = re.compile(r"^\*\*`(?P<name>[\w./]+)`\*\*\n\n```\w+\n(?P<content>.*?)^```$", re.MULTILINE | re.DOTALL)
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def files_in(tutorial):
    return {found["name"]: found["content"] for found in FILE.finditer(tutorial.read_text())}


def commands_in(tutorial):
    """Every command, with the lines that it is said to print; `…` stands for anything."""
    for block in CONSOLE.findall(tutorial.read_text()):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *lines = part.splitlines()
            yield shlex.split(command), [".*".join(map(re.escape, line.split("…"))) for line in lines]


def run(environment, command, folder):
    if command == ["pip", "install", "-e", "."]:
        return environment.install(folder)
    program, *arguments = command
    given = [arguments[0].removesuffix(".py"), *arguments[1:]] if program == "python" else [program, *arguments]
    done = environment.run(*given, cwd=folder)
    assert done.returncode == 0, f"{shlex.join(command)}:\n{done.stdout}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("tutorial", TUTORIALS, ids=lambda path: path.stem)
def test_what_a_tutorial_says_works(tutorial, environment, tmp_path):
    for name, content in files_in(tutorial).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    for command, lines in commands_in(tutorial):
        printed = run(environment, command, tmp_path)
        for line in lines:
            assert re.search(line, printed), f"{shlex.join(command)} printed no {line!r}:\n{printed}"


def test_there_are_three_and_each_has_a_package_and_a_search():
    assert [path.stem for path in TUTORIALS] == ["backbone", "modality", "strategy"]
    for tutorial in TUTORIALS:
        assert "pyproject.toml" in files_in(tutorial)
        assert ["autosft", "search"] in [command[:2] for command, _ in commands_in(tutorial)]


def test_a_backbone_has_20_lines():
    """Without imports, blank lines and the docstring of the file, as the tutorial counts."""
    files = files_in(TUTORIALS[0])
    trees = [ast.parse(files[name]) for name in ("trigrams/backbone.py", "trigrams/encoder.py")]
    spared = (ast.Import, ast.ImportFrom)
    lines = 0
    for tree in trees:
        kept = [node for node in tree.body if not isinstance(node, (*spared, ast.Expr))]
        imports = sum(isinstance(node, spared) for part in kept for node in ast.walk(part))
        lines += sum(len(ast.unparse(node).replace("\n\n", "\n").splitlines()) for node in kept) - imports
    assert lines == 20
