"""The command line in a child process that sees the toy plugin beside the installed ones."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
import termios

import pytest

from autosft.testing import toy

LISTED = """
import sys
from autosft.cli import main
try:
    main()
finally:
    with open(sys.argv[0], "w") as stream:
        print(*sys.modules, file=stream)
"""


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plugins")
    toy.write_distribution(folder)
    left_out = ("FORCE_COLOR", "AUTOSFT_DISABLE_PLUGINS", "AUTOSFT_STRICT_PLUGINS")
    given = {name: value for name, value in os.environ.items() if name not in left_out}
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    return {**given, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1"}


@pytest.fixture
def autosft(environment, tmp_path):
    """A function that runs `autosft …` in the test's folder, with its outputs piped."""

    def run(*arguments):
        command = [sys.executable, "-m", "autosft", *map(str, arguments)]
        return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=90)

    return run


@pytest.fixture
def in_terminal(environment, tmp_path):
    """A function that runs `autosft …` in a terminal of 30 by 100: the exit code, and all that it was sent."""

    def run(*arguments, **more):
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (30, 100))
        command = [sys.executable, "-m", "autosft", *map(str, arguments)]
        given = {**environment, "TERM": "xterm-256color", **more}
        ends = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
        with subprocess.Popen(command, env=given, cwd=tmp_path, **ends) as process:
            os.close(theirs)
            sent = b""
            with contextlib.suppress(OSError):  # EIO, when the last process has closed it
                while some := os.read(ours, 65_536):
                    sent += some
            os.close(ours)
        return process.returncode, sent.decode()

    return run


@pytest.fixture
def listed(environment, tmp_path, tmp_path_factory):
    """The same, with the libraries that were imported: a pair of the finished process and their names. More variables
    may be given for its environment."""

    def run(*arguments, more=()):
        modules = tmp_path_factory.mktemp("modules") / "names"
        program = f"import sys; sys.argv[0] = {str(modules)!r}\n{LISTED}"
        command = [sys.executable, "-c", program, *map(str, arguments)]
        given = {**environment, **dict(more)}
        done = subprocess.run(command, env=given, cwd=tmp_path, capture_output=True, text=True, timeout=90)
        return done, {name.partition(".")[0] for name in modules.read_text().split()}

    return run


@pytest.fixture
def points(tmp_path):
    return toy.make_points(tmp_path / "clouds.points.json", rows=90, seed=1)
