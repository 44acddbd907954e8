"""`review`: are the promises kept that an installed package makes? Every part of it is put to its conformance class.

The checks run in a process of their own (`reviewer`), which is ended where one of them does not end; another goes on
with the rest. Nothing but the package itself has to be installed as its users have it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from autosft.contracts.document import write_whole
from autosft.errors import BadInput, UnknownName
from autosft.host.loading import canonical, load
from autosft.host.modules import is_file
from autosft.host.registry import NAMED, Plugin

TIMEOUT, BUDGET = 120.0, 1800.0
"""The seconds that one check may take, and all of them."""

_CASES = """from autosft.testing.cases import cases_of

globals().update(cases_of({parts!r}, {data!r}, {modules!r}))
"""
_LOG_LINES = 20
"""So much of what was printed is told where the checks could not be run."""


@dataclass(frozen=True)
class Started:
    """A check begins.

    Attributes:
        part: The kind and the name of the part.
        promise: The promise in words.
    """

    part: str
    promise: str


@dataclass(frozen=True)
class CheckResult:
    """What became of one promise of a part.

    Attributes:
        part: The kind and the name of the part.
        promise: The promise in words.
        outcome: `"unchecked"` where something was not at hand, or the promise means nothing to the part, or the time
            for all checks was up.
        why: The reason, in one line; empty if it was kept.
        traceback: Where a broken promise broke.
        seconds: How long the check took.
    """

    part: str
    promise: str
    outcome: Literal["kept", "broken", "unchecked"]
    why: str = ""
    traceback: str = ""
    seconds: float = 0.0


Callback = Callable[[Started | CheckResult], None]


def plugins_of(package: str) -> list[Plugin]:
    """The plugins of an installed distribution, or the one in a Python file.

    Raises:
        UnknownName: No distribution with plugins has this name.
        PluginBroken: There is no such file, or it does not load.
    """
    if is_file(package):
        return [plugin for plugin in load([package]).plugins if plugin.name == NAMED]
    plugins = load().plugins
    found = [plugin for plugin in plugins if canonical(plugin.distribution) == canonical(package)]
    if not found:
        raise UnknownName("package", package, {plugin.distribution for plugin in plugins})
    return found


def review(
    plugins: Sequence[Plugin],
    data: Sequence[Path],
    callback: Callback,
    *,
    timeout: float = TIMEOUT,
    budget: float = BUDGET,
) -> list[CheckResult]:
    """Put every part of a package to its tests.

    Args:
        plugins: The plugins of the package.
        data: Data for its modalities, or for those that its backbones read.
        callback: Told of each check before it begins, and of its result as soon as there is one.
        timeout: The seconds that one check may take; one that takes longer is a broken promise.
        budget: The seconds that all of them may take together; what is not done then is unchecked.

    Raises:
        BadInput: pytest is not installed, a path of data is missing, or there was no time for the first check.
        RuntimeError: The checks cannot be run at all; says what was printed.
    """
    if importlib.util.find_spec("pytest") is None:
        raise BadInput("Checking a package needs pytest; `pip install pytest` brings it.")
    for path in data:
        if not path.exists():
            raise BadInput(f"{path}: there is no such data.")
    results = _Verdicts(callback)
    for plugin in plugins:
        for result in _of_loading(plugin):
            results.add(result)
    parts = [(kind, name) for plugin in plugins for kind, name in map(_split, plugin.parts) if kind != "observer"]
    if parts:
        with tempfile.TemporaryDirectory(prefix="autosft-check-") as folder:
            place = Path(folder)
            modules = [plugin.module for plugin in plugins if plugin.name == NAMED]
            cases = _CASES.format(parts=parts, data=[str(path.resolve()) for path in data], modules=modules)
            write_whole(place / "pytest.ini", b"[pytest]\n")
            write_whole(place / "test_parts.py", cases.encode())
            _Checks(place, results, timeout, time.monotonic() + budget).run()
    return results.all


class _Verdicts:
    """What is known so far, and who is told."""

    def __init__(self, callback: Callback) -> None:
        self.all: list[CheckResult] = []
        self._callback = callback

    def begin(self, test: str) -> None:
        self._callback(Started(*names_in(test)))

    def of(self, test: str, **fields: Any) -> None:
        self.add(CheckResult(*names_in(test), **fields))

    def add(self, result: CheckResult) -> None:
        self.all.append(result)
        self._callback(result)


class _Checks:
    """Runs the tests in a folder, in one process after another until all are done."""

    def __init__(self, folder: Path, results: _Verdicts, timeout: float, end: float) -> None:
        self._folder, self._verdicts, self._timeout, self._end = folder, results, timeout, end
        self._left: list[str] | None = None
        self._done: list[str] = []
        self._current = ""

    def run(self) -> None:
        """Until there is none left."""
        while self._left is None or self._left:
            self._one_process()

    def _one_process(self) -> None:
        """Run what is left until all is done, one check does not end, or the time for all is up."""
        before = len(self._done)
        write_whole(self._folder / "done.json", json.dumps(self._done).encode())
        with _child(self._folder) as (process, events):
            while event := self._next(process, events):
                self._hear(event)
        if self._left is None or (self._left and len(self._done) == before):
            log = (self._folder / "log").read_text(encoding="utf-8", errors="replace").splitlines()
            raise RuntimeError("\n".join(["The checks could not be run:", *log[-_LOG_LINES:]]))

    def _next(self, process: subprocess.Popen[str], events: queue.Queue[Mapping[str, Any] | None]) -> Any:
        """The next event; None if there is none to come."""
        started = time.monotonic()
        try:
            limit = self._timeout if self._current else max(self._timeout, TIMEOUT)  # libraries take long to import
            event = events.get(timeout=max(0.0, min(limit, self._end - started)))
        except queue.Empty:
            _end(process)
            self._give_up(time.monotonic() - started)
            return None
        if event is None and self._current:
            code = process.wait()
            how = f"by signal {-code}, {signal.Signals(-code).name}" if code < 0 else f"with the exit code {code}"
            self._over(self._current, outcome="broken", why=f"its process ended {how}")
        return event

    def _hear(self, event: Mapping[str, Any]) -> None:
        kind = event["event"]
        if kind == "fault":
            raise RuntimeError(event["text"])
        if kind == "collected":
            self._left = list(event["tests"])
        elif kind == "started":
            self._current = event["test"]
            self._verdicts.begin(self._current)
        else:
            self._over(**{name: value for name, value in event.items() if name != "event"})

    def _over(self, test: str, **fields: Any) -> None:
        self._current = ""
        self._done.append(test)
        self._left = [one for one in self._left or () if one != test]
        self._verdicts.of(test, **fields)

    def _give_up(self, seconds: float) -> None:
        """A check did not end in time, or the time for all is up."""
        if time.monotonic() < self._end:
            if not self._current:
                raise BadInput(f"Importing the parts and making their checks did not end within {seconds:.0f} seconds.")
            why = f"it did not end within {self._timeout:.0f} seconds; give it more with --timeout, if it needs them"
            self._over(self._current, outcome="broken", why=why, seconds=seconds)
            return
        why = "the time for all checks was up; give more with --budget"
        if self._left is None:
            raise BadInput("The time for all checks was up before the first one began; give more with --budget.")
        for test in list(self._left):
            self._over(test, outcome="unchecked", why=why)


@contextlib.contextmanager
def _child(folder: Path) -> Iterator[tuple[subprocess.Popen[str], queue.Queue[Mapping[str, Any] | None]]]:
    """A process that runs the tests, and what it tells; it is ended with all that it has started."""
    command = [sys.executable, "-m", "autosft.testing.reviewer", str(folder)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}  # it sees what is installed for us
    events: queue.Queue[Mapping[str, Any] | None] = queue.Queue()
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, env=env, text=True, encoding="utf-8", start_new_session=True
        )

    def listen() -> None:
        for line in process.stdout or ():
            events.put(json.loads(line))
        events.put(None)

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield process, events
    finally:
        _end(process)
        thread.join(timeout=5)
        if process.stdout and not thread.is_alive():
            process.stdout.close()


def _end(process: subprocess.Popen[str]) -> None:
    """End a process and those that it has started, if it has not ended."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _of_loading(plugin: Plugin) -> Iterator[CheckResult]:
    """What the host has to say of it. An observer has no contract but the signature of its hook."""
    part, promise = f"plugin {plugin.name}", "it is loaded, and offers what its hooks promise"
    if plugin.status == "disabled":
        yield CheckResult(part, promise, "unchecked", "AUTOSFT_DISABLE_PLUGINS disables it")
    else:
        yield CheckResult(part, promise, "broken" if plugin.error else "kept", plugin.error)
    for observer in (part for part in plugin.parts if _split(part)[0] == "observer"):
        yield CheckResult(observer, "its hook has the right signature", "kept")


def _split(phrase: str) -> tuple[str, str]:
    kind, _, name = phrase.partition(" ")
    return kind, name


def names_in(test: str) -> tuple[str, str]:
    """The part and the promise of a test, in words, of its name in pytest."""
    _, part, name = test.split("::", 2)
    name, _, given = name.partition("[")
    promise = re.sub(r"\b(\w+) s\b", r"\1's", name.removeprefix("test_").replace("_", " "))
    return part.removeprefix("Test "), f"{promise} ({given.rstrip(']')})" if given else promise
