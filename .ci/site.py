"""Builds the documentation into site/ (`make docs`), with a page of commands that the program itself has written.

Fails on a broken link, on a cross-reference that leads nowhere, and on a docstring that cannot be read.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import typer
from typer.cli import get_docs_for_click

from autosft.cli import app

ROOT = Path(__file__).parents[1]
COMMANDS = ROOT / "docs" / "reference" / "commands.md"
COMPLAINT = re.compile(r"^\W*(?:\[[^\]]*\]\s*)?(?:warning|error)\b", re.IGNORECASE)
UNRESOLVED = re.compile(r"<autoref\b[^>]*>|\]\[autosft[\w.]*\]")
"""What is left in a page of a cross-reference that leads nowhere."""

OPTIONAL = re.compile(r"<autoref\b[^>]*\boptional\b[^>]*>")
"""Those of types in signatures, which need not have a place of their own."""

HEAD = """\
# Commands

Every command with every option, as `autosft COMMAND --help` prints them. What a search prints is explained in
[What a search prints](terminal.md).

"""


def write_commands() -> None:
    """The page of commands, from what the program says of itself."""
    command = typer.main.get_command(app)
    written = get_docs_for_click(obj=command, ctx=typer.Context(command), name="autosft", title="autosft", indent=1)
    COMMANDS.write_text(HEAD + written.strip() + "\n", encoding="utf-8")


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
    wrong = build()
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
