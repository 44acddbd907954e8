"""`LiveTable`: what stands below the lines in a terminal while a search runs: the best, what runs, what is left."""

from __future__ import annotations

import time

from rich.console import Console, Group
from rich.live import Live
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from autosft.contracts.record import Record
from autosft.report.words import seconds, size, way
from autosft.search.events import (
    Continued,
    EpochFinished,
    Finishing,
    Planned,
    SearchEvent,
    TrialFinished,
    TrialPaused,
    TrialResumed,
    TrialStarted,
)


class LiveTable:
    """A table that is drawn anew four times a second, and gone when it stops. Nothing is drawn but in a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._metric, self._best = "", ""
        self._running: dict[int, str] = {}
        self._doing = "looking at the data"
        self._ended, self._disk, self._ends = 0, 0, float("inf")
        self._live = Live(console=console, get_renderable=self._table, refresh_per_second=4, transient=True)

    def start(self) -> None:
        """Begin to draw."""
        if self._console.is_terminal:
            self._live.start()

    def stop(self) -> None:
        """Take the table away."""
        self._live.stop()

    def __call__(self, event: SearchEvent) -> None:
        """Take in one event."""
        match event:
            case Planned(task=task):
                self._metric, self._doing = task.score_name, "starting the worker"
            case Continued(task=task, trials=trials, best=best):
                self._metric, self._doing, self._ended = task.score_name, "starting the worker", trials
                self._note_best(best)
            case TrialStarted(number, recipe, left) | TrialResumed(number, recipe, left):
                self._running[number], self._ends = way(recipe), time.monotonic() + left
            case EpochFinished(number, epoch):
                score = "" if epoch.score is None else f", {self._metric} {epoch.score:.4f}"
                before = self._running.get(number, "").partition(": ")[0]
                self._running[number] = f"{before}: {epoch.stage} {epoch.number}, loss {epoch.loss:.4f}{score}"
            case TrialPaused(record, left, disk):
                self._over(record, left, disk)
            case TrialFinished(record, best, left, disk):
                self._ended += 1
                self._over(record, left, disk)
                self._note_best(best)
            case Finishing(left):
                self._ends, self._doing = time.monotonic() + left, "finishing: the best, its bundle, its test score"
            case _:
                pass

    def _over(self, record: Record, left: float, disk: int) -> None:
        self._running.pop(record.number, None)
        self._ends, self._disk, self._doing = time.monotonic() + left, disk, "choosing what comes next"

    def _note_best(self, best: Record | None) -> None:
        if best is not None and best.score is not None:
            self._best = f"{self._metric} {best.score:.4f}, trial {best.number}, {way(best.recipe)}"

    def _table(self) -> Group:
        table = Table.grid(padding=(0, 2), expand=True)
        table.add_column(style="cyan", no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        if self._best:
            table.add_row("best", Text(self._best, style="bold"))
        for number, what in sorted(self._running.items()):
            table.add_row(f"trial {number}", Text(what))
        if not self._running:
            table.add_row("now", Text(self._doing))
        table.add_row("left", Text(", ".join(self._counts())))
        return Group(Rule(style="dim"), table)

    def _counts(self) -> list[str]:
        endless = self._ends == float("inf")
        counts = ["no limit of time" if endless else seconds(max(0, round(self._ends - time.monotonic())))]
        counts += [f"{self._ended} trial{'s' if self._ended > 1 else ''} ended"] if self._ended else []
        return counts + ([f"{size(self._disk)} on disk"] if self._disk >= 1e6 else [])
