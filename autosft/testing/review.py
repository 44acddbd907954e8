"""`review`: does a package pass the checks of its kinds of part? Every part is put to its conformance class.

The checks run in a process of their own (`reviewer`), which is ended where one of them does not end; another goes on
with the rest. Nothing but the package itself has to be installed as its users have it.
"""

from __future__ import annotations

import importlib.util
import json
import queue
import re
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from autosft.contracts.document import write_whole
from autosft.errors import BadInput, UnknownName
from autosft.host.loading import canonical, load
from autosft.host.modules import is_file, package_of
from autosft.host.registry import NAMED, Plugin
from autosft.testing.child import Child, Events, Process, end

TIMEOUT, BUDGET = 120.0, 1800.0
"""The seconds that one check may take, and all of them."""

_CASES = """from autosft.testing.cases import cases_of

globals().update(cases_of({parts!r}, **{given!r}))
"""
_LOG_LINES = 20
"""So much of what was printed is told where the checks could not be run."""


@dataclass(frozen=True)
class Started:
    """A check begins.

    Attributes:
        part: The kind and the name of the part.
        check: The check in words.
    """

    part: str
    check: str


@dataclass(frozen=True)
class CheckResult:
    """The result of one check of a part.

    Attributes:
        part: The kind and the name of the part.
        check: The check in words.
        outcome: As pytest calls it. `"skipped"` where something was not at hand, or the check does not apply to the
            part, or the time for all checks was up.
        why: The reason, in one line; empty if it passed.
        traceback: Where a check failed.
        seconds: How long the check took.
    """

    part: str
    check: str
    outcome: Literal["passed", "failed", "skipped"]
    why: str = ""
    traceback: str = ""
    seconds: float = 0.0


Callback = Callable[[Started | CheckResult], None]


def plugins_of(package: str, modules: Sequence[str] = ()) -> list[Plugin]:
    """The plugins of an installed distribution, or the one of a file; without either, those of the modules.

    Args:
        package: The name of the distribution, or the path of a Python file.
        modules: Modules to load beside the installed plugins, as paths of Python files or by their names.

    Raises:
        BadInput: Neither is given.
        PluginBroken: The file or one of the modules does not load.
        UnknownName: No distribution with plugins has this name.
    """
    if not package and not modules:
        raise BadInput("Say what to check: the name of an installed package, or a Python file such as my_module.py.")
    plugins = load(with_file(package, modules)).plugins
    if not package or is_file(package):
        named = [plugin for plugin in plugins if plugin.name == NAMED]
        return [plugin for plugin in named if not package or plugin.module == str(Path(package).absolute())]
    found = [plugin for plugin in plugins if canonical(plugin.distribution) == canonical(package)]
    if not found:
        mend = "A Python file is checked by its path, such as my_module.py."
        raise UnknownName("package", package, {plugin.distribution for plugin in plugins}, mend)
    return found


def with_file(package: str, modules: Sequence[str]) -> list[str]:
    """The modules to load: a file in the place of a package counts as one."""
    given = [*modules, *([package] if is_file(package) else ())]
    return list({str(Path(one).absolute()) if is_file(one) else one: one for one in given}.values())


def review(
    plugins: Sequence[Plugin],
    data: Sequence[Path],
    callback: Callback,
    *,
    timeout: float = TIMEOUT,
    budget: float = BUDGET,
    modules: Sequence[str] = (),
    backbone: str = "",
) -> list[CheckResult]:
    """Put every part of a package to its tests.

    Args:
        plugins: The plugins of the package.
        data: Data for its modalities, or for those that its backbones read.
        callback: Told of each check before it begins, and of its result as soon as there is one.
        timeout: The seconds that one check may take; one that takes longer has failed.
        budget: The seconds that all of them may take together; what is not done then is skipped.
        modules: Modules that are loaded beside the installed plugins.
        backbone: One whose weights the weight sources of the package have.

    Raises:
        BadInput: pytest is not installed, a path of data is missing, or there was no time for the first check.
        RuntimeError: The checks cannot be run at all; says what was printed.
    """
    if importlib.util.find_spec("pytest") is None:
        raise BadInput("Checking a package needs pytest; `pip install pytest` brings it.")
    for path in data:
        if not path.exists():
            raise BadInput(f"{path}: there is no such data.")
    results = _Results(callback)
    for plugin in plugins:
        for result in _of_loading(plugin):
            results.add(result)
    parts = [(kind, name) for plugin in plugins for kind, name in map(_split, plugin.parts) if kind != "observer"]
    if parts:
        with tempfile.TemporaryDirectory(prefix="autosft-check-") as folder:
            place = Path(folder)
            given = {"data": [str(path.resolve()) for path in data], "modules": load(modules).named_modules}
            cases = _CASES.format(parts=parts, given={**given, "backbone": backbone})
            write_whole(place / "pytest.ini", b"[pytest]\n")
            write_whole(place / "test_parts.py", cases.encode())
            child = Child(place, [package_of(one.module) for one in plugins])
            _Checks(child, results, timeout, time.monotonic() + budget).run()
    return results.all


class _Results:
    """The results so far, and who is told."""

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

    def __init__(self, child: Child, results: _Results, timeout: float, end: float) -> None:
        self._child, self._results, self._timeout, self._end = child, results, timeout, end
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
        write_whole(self._child.folder / "done.json", json.dumps(self._done).encode())
        with self._child.running() as (process, events):
            while event := self._next(process, events):
                self._hear(event)
        if self._left is None or (self._left and len(self._done) == before):
            log = (self._child.folder / "log").read_text(encoding="utf-8", errors="replace").splitlines()
            raise RuntimeError("\n".join(["The checks could not be run:", *log[-_LOG_LINES:]]))

    def _next(self, process: Process, events: Events) -> Any:
        """The next event; None if there is none to come."""
        started = time.monotonic()
        try:
            limit = self._timeout if self._current else max(self._timeout, TIMEOUT)  # libraries take long to import
            event = events.get(timeout=max(0.0, min(limit, self._end - started)))
        except queue.Empty:
            end(process)
            self._give_up(time.monotonic() - started)
            return None
        if event is None and self._current:
            code = process.wait()
            how = f"by signal {-code}, {signal.Signals(-code).name}" if code < 0 else f"with the exit code {code}"
            self._over(self._current, outcome="failed", why=f"its process ended {how}")
        return event

    def _hear(self, event: Mapping[str, Any]) -> None:
        kind = event["event"]
        if kind == "error":
            raise RuntimeError(event["text"])
        if kind == "collected":
            self._left = list(event["tests"])
        elif kind == "started":
            self._current = event["test"]
            self._results.begin(self._current)
        else:
            self._over(**{name: value for name, value in event.items() if name != "event"})

    def _over(self, test: str, **fields: Any) -> None:
        self._current = ""
        self._done.append(test)
        self._left = [one for one in self._left or () if one != test]
        self._results.of(test, **fields)

    def _give_up(self, seconds: float) -> None:
        """A check did not end in time, or the time for all is up."""
        if time.monotonic() < self._end:
            if not self._current:
                raise BadInput(f"Importing the parts and making their checks did not end within {seconds:.0f} seconds.")
            why = f"it did not end within {self._timeout:.0f} seconds; give it more with --timeout, if it needs them"
            self._over(self._current, outcome="failed", why=why, seconds=seconds)
            return
        why = "the time for all checks was up; give more with --budget"
        if self._left is None:
            raise BadInput("The time for all checks was up before the first one began; give more with --budget.")
        for test in list(self._left):
            self._over(test, outcome="skipped", why=why)


def _of_loading(plugin: Plugin) -> Iterator[CheckResult]:
    """What the host has to say of it. An observer has no contract but the signature of its hook."""
    part, check = (
        f"plugin {plugin.distribution if plugin.name == NAMED else plugin.name}",
        "it is loaded, and offers what its hooks promise",
    )
    if plugin.status == "disabled":
        yield CheckResult(part, check, "skipped", "AUTOSFT_DISABLE_PLUGINS disables it")
    else:
        yield CheckResult(part, check, "failed" if plugin.error else "passed", plugin.error)
    for observer in (part for part in plugin.parts if _split(part)[0] == "observer"):
        yield CheckResult(observer, "its hook has the right signature", "passed")


def _split(phrase: str) -> tuple[str, str]:
    kind, _, name = phrase.partition(" ")
    return kind, name


def names_in(test: str) -> tuple[str, str]:
    """The part and the check, in words, of the name of a test in pytest."""
    _, part, name = test.split("::", 2)
    name, _, given = name.partition("[")
    check = re.sub(r"\b(\w+) s\b", r"\1's", name.removeprefix("test_").replace("_", " "))
    return part.removeprefix("Test "), f"{check} ({given.rstrip(']')})" if given else check
