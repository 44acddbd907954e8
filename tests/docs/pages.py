"""What a page of the docs tells a reader to type, and a reader who types it from top to bottom.

A page is Markdown. Of its blocks of code these mean something:

- a block below a line that is nothing but a file's name in bold code is that file;
- `console`: commands behind `$ `, each with lines that it prints; `…` stands for anything;
- `sh`: commands alone, one a line;
- `python` without a file's name: a program, and the lines of a `text` block right below it are what it prints.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(
    r"(?:^\*\*`(?P<file>[\w./-]+)`\*\*\n\n)?^(?P<indent> *)```(?P<language>\w+)[^\n]*\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
INDENTED = re.compile(r"^ {4}((?:[A-Z_]+=\S+ )*autosft .*)$", re.MULTILINE)
SETTING = re.compile(r"[A-Z_]+=.*")
PART = re.compile(r"\d[\d.]*(?:e-?\d+)?|\s+|[^\d\s]+")
MODULES = {"autosft": ["-m", "autosft"], "pytest": ["-m", "pytest"], "python": []}
PORT = "8000"
"""What pages serve at; whoever reads them in a test takes a free one."""


@dataclass(frozen=True)
class Block:
    """A block of code, with the file that it is, if it is one."""

    language: str
    text: str
    file: str


@dataclass(frozen=True)
class Command:
    """A command, the variables that are set in front of it, and the lines that it is said to print."""

    words: tuple[str, ...]
    settings: tuple[str, ...] = ()
    prints: tuple[str, ...] = ()

    @classmethod
    def of(cls, line: str, prints: tuple[str, ...] = ()) -> Command:
        words = shlex.split(line, comments=True)
        count = next((place for place, word in enumerate(words) if not SETTING.fullmatch(word)), len(words))
        return cls(tuple(words[count:]), tuple(words[:count]), prints)


def blocks_of(page: Path) -> Iterator[Block]:
    """The blocks of code of a page, in its order."""
    for found in FENCE.finditer(page.read_text()):
        text = re.sub(f"^{found['indent']}", "", found["text"], flags=re.MULTILINE)
        yield Block(found["language"], text, found["file"] or "")


def files_of(page: Path) -> dict[str, str]:
    """The files of a page, by name."""
    return {block.file: block.text for block in blocks_of(page) if block.file}


def commands_in(block: Block) -> Iterator[Command]:
    """The commands of a block of `console` or `sh`."""
    if block.language == "console":
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, *lines = part.replace("\\\n", " ").splitlines()
            yield Command.of(command, tuple(line for line in lines if line.strip()))
    elif block.language == "sh":
        for line in block.text.replace("\\\n", " ").splitlines():
            if (command := Command.of(line)).words:
                yield command


def commands_of(page: Path) -> list[Command]:
    """All commands of a page, those of `autosft` in indented blocks too."""
    fenced = [command for block in blocks_of(page) if not block.file for command in commands_in(block)]
    return fenced + [Command.of(line) for line in INDENTED.findall(FENCE.sub("", page.read_text()))]


class Reader:
    """Types what a page says, in a folder.

    Args:
        folder: Where the reader begins.
        python: The interpreter of the environment in which AutoSFT is installed.
        install: What `pip install -e .` does, where a page has a package; other packages are there already.
        exactly: Whether numbers must be printed as they stand on the page; else any number may stand for another.
    """

    def __init__(
        self,
        folder: Path,
        python: Path = Path(sys.executable),
        *,
        install: Callable[[Path], None] | None = None,
        exactly: bool,
    ) -> None:
        self.folder, self.python, self.install, self.exactly = folder, python, install, exactly
        self._port = str(_free_port())
        self._serving: subprocess.Popen[str] | None = None

    def follow(self, page: Path) -> None:
        """Type all of it. A service that it starts is ended behind its last line, and has to end well."""
        blocks = list(blocks_of(page))
        try:
            for block, after in zip(blocks, [*blocks[1:], None], strict=True):
                if block.file:
                    (self.folder / block.file).parent.mkdir(parents=True, exist_ok=True)
                    (self.folder / block.file).write_text(block.text)
                elif block.language == "python":
                    said = after.text.splitlines() if after and after.language == "text" and not after.file else []
                    self.type(Command(("python", "-c", block.text), (), tuple(said)))
                else:
                    for command in commands_in(block):
                        self.type(command)
            if self._serving:
                self._serving.send_signal(signal.SIGTERM)
                _, errors = self._serving.communicate(timeout=60)
                assert self._serving.returncode == 0, errors
        finally:
            if self._serving and self._serving.poll() is None:
                self._serving.kill()

    def type(self, command: Command) -> None:
        """Type one command, and compare what it prints with what it is said to print."""
        if command.words == ("pip", "install", "-e", "."):
            assert self.install, "no page of this kind has a package of its own"
            self.install(self.folder)
        elif command.words[:2] == ("autosft", "serve"):
            self.compare(command, self._serve(command))
        elif command.words[:2] != ("pip", "install"):
            self.compare(command, self._run(command))

    def run(self, line: str) -> str:
        """Run a command that stands on no page; what it prints."""
        return self._run(Command.of(line))

    def compare(self, command: Command, printed: str) -> None:
        """Find each line that the command is said to print in what it printed."""
        for line in command.prints:
            assert re.search(self._pattern(line), printed), (
                f"{shlex.join(command.words)} printed no {line!r}:\n{printed}"
            )

    def _run(self, command: Command) -> str:
        done = subprocess.run(
            self._program(command),
            cwd=self.folder,
            env=self._environment(command),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"{shlex.join(command.words)}:\n{done.stdout}"
        return done.stdout

    def _serve(self, command: Command) -> str:
        assert PORT in command.words, f"{shlex.join(command.words)}: say --port {PORT}"
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        self._serving = subprocess.Popen(
            self._program(command), cwd=self.folder, env=self._environment(command), **pipes
        )
        first = self._serving.stdout.readline() if self._serving.stdout else ""
        assert first, self._serving.communicate()[1]
        return first

    def _program(self, command: Command) -> list[str]:
        name, *words = (word.replace(f":{PORT}", f":{self._port}") for word in command.words)
        words = [self._port if word == PORT else word for word in words]
        if name in MODULES:
            return [str(self.python), *MODULES[name], *words]
        path = shutil.which(name)
        assert path, f"{name} is not installed"
        return [path, *words]

    def _environment(self, command: Command) -> dict[str, str]:
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST", "FORCE_COLOR"))}
        given = dict(setting.split("=", 1) for setting in command.settings)
        return {**kept, "HF_HUB_OFFLINE": "1", "COLUMNS": "120", **given}

    def _pattern(self, line: str) -> str:
        return ".*".join(re.escape(part) if self.exactly else _of_any_number(part) for part in line.split("…"))


def _of_any_number(text: str) -> str:
    """A pattern in which any number may stand where one stands, and any blanks where blanks stand."""

    def pattern(part: str) -> str:
        return r"[\d.e-]+" if part[0].isdigit() else r"\s+" if part.isspace() else re.escape(part)

    return "".join(map(pattern, PART.findall(text)))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
