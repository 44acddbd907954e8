"""Builds the documentation into site/ (`make docs`), with a page of commands that the program itself has written, and
with the files for contributors, which lie outside docs/.

Fails on a broken link, on a cross-reference that leads nowhere, and on a docstring that cannot be read.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import typer
from typer.cli import get_docs_for_click

from autosft.cli import app

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
COMMANDS = DOCS / "reference" / "commands.md"
COPIED = ("CHANGELOG.md", "CONTRIBUTING.md")
"""Files of the repository that are pages too, under their names in lower case."""

COMPLAINT = re.compile(r"^\W*(?:\[[^\]]*\]\s*)?(?:warning|error)\b", re.IGNORECASE)
UNRESOLVED = re.compile(r"<autoref\b[^>]*>|\]\[autosft[\w.]*\]")
"""What is left in a page of a cross-reference that leads nowhere."""

OPTIONAL = re.compile(r"<autoref\b[^>]*\boptional\b[^>]*>")
"""Those of types in signatures, which need not have a place of their own."""

LISTED = re.compile(r"^\* `(?P<name>[a-z]+)`.*$", re.MULTILINE)
"""A line of a list of commands; options begin with dashes, and arguments have their types."""

HEAD = """\
# Commands

Every command with every option, as `autosft COMMAND --help` prints them. What a search prints is explained in
[What a search prints](terminal.md).

"""


def write_commands() -> None:
    """The page of commands, from what the program says of itself."""
    command = typer.main.get_command(app)
    seen = dict(_visible(command, ("autosft",)))
    written = get_docs_for_click(obj=command, ctx=typer.Context(command), name="autosft", title="autosft", indent=1)
    written = re.sub(r"```console\n\$ ", "```text\n", written).replace("  [", " [")
    written = re.sub(r"^### `(autosft \w+ \w+)`", r"#### `\1`", written, flags=re.MULTILINE)
    COMMANDS.write_text(HEAD + LISTED.sub(partial(_listed, seen), written).strip() + "\n", encoding="utf-8")


def write_copies() -> None:
    """The pages that lie outside docs/. Their links into docs/ lose that folder."""
    for name in COPIED:
        text = (ROOT / name).read_text(encoding="utf-8")
        (DOCS / name.lower()).write_text(text.replace("](docs/", "]("), encoding="utf-8")


def _visible(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Each command with the first paragraph of its help; those that are hidden are taken out."""
    yield " ".join(path), " ".join((command.help or "").partition("\n\n")[0].split())
    if inner := getattr(command, "commands", None):
        command.commands = {name: one for name, one in inner.items() if not one.hidden}
        for name, one in command.commands.items():
            yield from _visible(one, (*path, name))


def _listed(seen: Mapping[str, str], found: re.Match[str]) -> str:
    """A line of a list of commands with a link and all of its words, which typer cuts off."""
    name = next(path for path in seen if path.split()[-1] == found["name"])
    return f"* [`{name}`](#{name.replace(' ', '-')}): {seen[name]}"


def build() -> list[str]:
    """Everything that is wrong with the site."""
    done = subprocess.run(
        ["zensical", "build", "--strict", "--clean"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    print(done.stdout, end="")
    wrong = [line for line in done.stdout.splitlines() if COMPLAINT.match(line)]
    if done.returncode and not wrong:
        wrong.append(f"zensical ended with exit code {done.returncode}")
    for page in sorted((ROOT / "site").rglob("*.html")):
        left = UNRESOLVED.findall(OPTIONAL.sub("", page.read_text(encoding="utf-8")))
        wrong += [f"{page.relative_to(ROOT)}: leads nowhere: {one}" for one in sorted(set(left))]
    return wrong


def main() -> int:
    """Write what is generated, build, and say what is wrong."""
    write_commands()
    write_copies()
    wrong = build()
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
