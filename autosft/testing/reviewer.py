"""Runs the checks of a review, in a process of its own: `python -m autosft.testing.reviewer FOLDER PACKAGES`.

What becomes of each is written to standard output, a JSON document a line, before it begins and when it is over. What
parts print goes to standard error. Tests whose names stand in `done.json` were run before.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import IO, Any

import pytest

TESTS, DONE = "test_parts.py", "done.json"
_OPTIONS = ("--quiet", "--capture=sys", "--import-mode=importlib", "-p", "no:cacheprovider")


class Recorder:
    """A plugin of pytest's that writes down what becomes of each test.

    Args:
        stream: Where to.
        done: The tests that are not run again.
        packages: Where the code of the parts lies: what is raised there is told with its place.
    """

    def __init__(self, stream: IO[str], done: frozenset[str], packages: Sequence[str] = ()) -> None:
        self._stream, self._done, self._packages = stream, done, packages
        self._place = ""
        self._seconds = 0.0
        self._over: dict[str, Any] = {}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """An error here is one of the tests, not of a part."""
        if report.failed:
            self._tell("error", text=report.longreprtext)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Say which tests there are, and leave out what was run before."""
        items[:] = [item for item in items if item.nodeid not in self._done]
        self._tell("collected", tests=[item.nodeid for item in items])

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Before the setup of a test."""
        self._place = ""
        self._seconds, self._over = 0.0, {"outcome": "skipped", "why": "", "traceback": ""}
        self._tell("started", test=nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[Any]) -> Generator[None, Any, Any]:
        """Where in the code of the parts it was raised."""
        if call.excinfo is not None:
            inside = [one for one in call.excinfo.traceback if self._holds(one.frame.f_globals.get("__name__", ""))]
            self._place = f" ({inside[-1].path}:{inside[-1].lineno + 1})" if inside else ""
        return (yield)

    def _holds(self, module: str) -> bool:
        return any(f"{module}.".startswith(f"{package}.") for package in self._packages)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """After the setup, the call and the teardown of a test: the first that fails decides."""
        self._seconds += report.duration
        if report.failed and self._over["outcome"] != "failed":
            why = _line_of(report.longrepr) + self._place
            self._over = {"outcome": "failed", "why": why, "traceback": report.longreprtext}
        elif report.skipped:
            self._over["why"] = _reason_of(report.longrepr)
        elif report.passed and report.when == "call":
            self._over["outcome"] = "passed"

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """After all of a test."""
        self._tell("ended", test=nodeid, seconds=self._seconds, **self._over)

    def _tell(self, event: str, **more: Any) -> None:
        self._stream.write(json.dumps({"event": event, **more}) + "\n")
        self._stream.flush()


def _reason_of(skipped: Any) -> str:
    return str(skipped[2] if isinstance(skipped, tuple) else skipped).removeprefix("Skipped: ")


def _line_of(failed: Any) -> str:
    """The first line of what was raised."""
    crash = getattr(failed, "reprcrash", None)
    lines = (crash.message if crash else str(failed)).strip().splitlines()
    return (
        lines[0].removeprefix("AssertionError: ").removeprefix("Failed: ")
        if lines
        else "it raised nothing that can be read"
    )


def main(folder: Path, packages: Sequence[str]) -> int:
    """Run the tests in a folder; pytest's exit code."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what parts print must not stand among the events
    done = frozenset(json.loads((folder / DONE).read_text(encoding="utf-8")))
    recorder = Recorder(stream, done, packages)
    return int(pytest.main([*_OPTIONS, f"--rootdir={folder}", str(folder / TESTS)], plugins=[recorder]))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
