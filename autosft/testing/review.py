"""`review`: are the promises kept that an installed package makes? Every part of it is put to its conformance class.

pytest runs in this process, so that nothing but the package itself has to be installed as its users have it.
"""

from __future__ import annotations

import importlib.util
import io
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from autosft.contracts.document import write_whole
from autosft.errors import BadInput, UnknownName
from autosft.host.loading import canonical, load
from autosft.host.registry import Plugin

if TYPE_CHECKING:
    import pytest

_CASES = """from autosft.testing.cases import cases_of

globals().update(cases_of({parts!r}, {data!r}))
"""
_OPTIONS = ("--quiet", "--capture=sys", "--import-mode=importlib", "-p", "no:cacheprovider")


@dataclass(frozen=True)
class Verdict:
    """What became of one promise of a part.

    Attributes:
        part: The kind and the name of the part.
        promise: The promise in words.
        outcome: `"unchecked"` where something was not at hand, or the promise means nothing to the part.
        why: The reason, in one line; empty if it was kept.
        traceback: Where a broken promise broke.
    """

    part: str
    promise: str
    outcome: Literal["kept", "broken", "unchecked"]
    why: str = ""
    traceback: str = ""


def plugins_of(package: str) -> list[Plugin]:
    """The plugins of an installed distribution.

    Raises:
        UnknownName: No distribution with plugins has this name.
    """
    plugins = load().plugins
    found = [plugin for plugin in plugins if canonical(plugin.distribution) == canonical(package)]
    if not found:
        raise UnknownName("package", package, {plugin.distribution for plugin in plugins})
    return found


def review(plugins: Sequence[Plugin], data: Sequence[Path], watch: Callable[[Verdict], None]) -> list[Verdict]:
    """Put every part of a package to its tests.

    Args:
        plugins: The plugins of the package.
        data: Data for its modalities, or for those that its backbones read.
        watch: Told of each verdict as soon as there is one.

    Raises:
        BadInput: pytest is not installed, or a path of data is missing.
    """
    if importlib.util.find_spec("pytest") is None:
        raise BadInput("Checking a package needs pytest; `pip install pytest` brings it.")
    for path in data:
        if not path.exists():
            raise BadInput(f"{path}: there is no such data.")
    recorder = _Recorder(watch)
    for plugin in plugins:
        for verdict in _of_loading(plugin):
            recorder.add(verdict)
    parts = [(kind, name) for plugin in plugins for kind, name in map(_split, plugin.parts) if kind != "observer"]
    if parts:
        _test(parts, data, recorder)
    return recorder.verdicts


def _test(parts: Sequence[tuple[str, str]], data: Sequence[Path], recorder: _Recorder) -> None:
    """Have pytest run the tests of these parts."""
    import pytest

    with tempfile.TemporaryDirectory(prefix="autosft-check-") as folder:
        place = Path(folder)
        write_whole(place / "pytest.ini", b"[pytest]\n")
        write_whole(place / "test_parts.py", _CASES.format(parts=parts, data=list(map(str, data))).encode())
        with redirect_stdout(io.StringIO()) as output:
            code = pytest.main([*_OPTIONS, f"--rootdir={place}", str(place / "test_parts.py")], plugins=[recorder])
    if code == pytest.ExitCode.INTERRUPTED and recorder.fault:
        raise RuntimeError(recorder.fault)
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise RuntimeError(f"pytest came to no end:\n{output.getvalue()}")


class _Recorder:
    """A plugin of pytest's that turns reports into verdicts."""

    def __init__(self, watch: Callable[[Verdict], None]) -> None:
        self.verdicts: list[Verdict] = []
        self.fault = ""
        self._watch = watch

    def add(self, verdict: Verdict) -> None:
        self.verdicts.append(verdict)
        self._watch(verdict)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Called when the tests were made; a fault here is one of the tests, not of a part."""
        self.fault = report.longreprtext if report.failed else self.fault

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called after the setup, the call and the teardown of each test."""
        part, promise = _names_in(report.nodeid)
        if report.skipped:
            self.add(Verdict(part, promise, "unchecked", _reason_of(report.longrepr)))
        elif report.failed:
            self.add(Verdict(part, promise, "broken", _line_of(report.longrepr), report.longreprtext))
        elif report.when == "call":
            self.add(Verdict(part, promise, "kept"))


def _of_loading(plugin: Plugin) -> Iterator[Verdict]:
    """What the host has to say of it. An observer has no contract but the signature of its hook."""
    part, promise = f"plugin {plugin.name}", "it is loaded, and offers what its hooks promise"
    if plugin.status == "disabled":
        yield Verdict(part, promise, "unchecked", "AUTOSFT_DISABLE_PLUGINS disables it")
    else:
        yield Verdict(part, promise, "broken" if plugin.error else "kept", plugin.error)
    for observer in (part for part in plugin.parts if _split(part)[0] == "observer"):
        yield Verdict(observer, "its hook has the right signature", "kept")


def _split(phrase: str) -> tuple[str, str]:
    kind, _, name = phrase.partition(" ")
    return kind, name


def _names_in(nodeid: str) -> tuple[str, str]:
    """The part and the promise of a test, in words."""
    _, part, test = nodeid.split("::", 2)
    test, _, given = test.partition("[")
    promise = re.sub(r"\b(\w+) s\b", r"\1's", test.removeprefix("test_").replace("_", " "))
    return part.removeprefix("Test "), f"{promise} ({given.rstrip(']')})" if given else promise


def _reason_of(skipped: Any) -> str:
    return str(skipped[2] if isinstance(skipped, tuple) else skipped).removeprefix("Skipped: ")


def _line_of(failed: Any) -> str:
    """The first line of what was raised."""
    crash = getattr(failed, "reprcrash", None)
    lines = (crash.message if crash else str(failed)).strip().splitlines()
    return lines[0].removeprefix("AssertionError: ") if lines else "it raised nothing that can be read"
