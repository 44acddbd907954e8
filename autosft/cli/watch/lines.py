"""`Lines`: a search as a person reads it. Lines that stay; in a terminal, a live table below them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.text import Text

from autosft.cli.show import console
from autosft.cli.watch.closing import closing, short
from autosft.cli.watch.live import LiveTable
from autosft.contracts.record import Epoch, Record, Result
from autosft.report.words import seconds, way
from autosft.runs.plan import Candidate, by_reason
from autosft.search.events import (
    Continued,
    EpochFinished,
    Finished,
    Noted,
    Planned,
    Recognized,
    SearchEvent,
    TrialFinished,
    TrialPaused,
)


class Lines:
    """Watches a search and prints what happens.

    Args:
        commands: The names of the commands that the last screen may advise.
        verbose: Whether every epoch has a line.
        plugins: The files and modules that the search was given as plugins.
    """

    def __init__(self, commands: Collection[str], *, verbose: bool = False, plugins: Sequence[str] = ()) -> None:
        self._console = console()
        self._live = LiveTable(self._console)
        self._commands, self._verbose, self._plugins = commands, verbose, plugins
        self._metric = ""

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def __call__(self, event: SearchEvent) -> None:
        """Print one event."""
        self._live(event)
        match event:
            case Recognized():
                self._recognized(event)
            case Planned():
                self._planned(event)
            case Continued(task, folder, trials):
                self._metric = task.score_name
                self._say(f"Going on with {short(folder)} after {trials} trials")
            case EpochFinished(number, epoch) if self._verbose:
                self._epoch(number, epoch)
            case TrialPaused(record, left):
                self._paused(record, left)
            case TrialFinished(record, best, left):
                self._trial(record, best, left)
            case Noted(text):
                self._say(text[:1].upper() + text[1:])
            case Finished(result, folder):
                self._finished(result, folder)
            case _:
                pass

    def _recognized(self, event: Recognized) -> None:
        inferred = event.inferred
        self._say(f"Recognized {inferred.task.modality} data: {inferred.why}")
        for other in event.others:
            name = other.task.modality
            self._say(f"  less likely {name} data ({other.why}); choose it with --modality {name}")
        if inferred.unused:
            self._say(f"  not used: {', '.join(inferred.unused[:10])}{' …' if len(inferred.unused) > 10 else ''}")

    def _planned(self, event: Planned) -> None:
        self._metric = event.task.score_name
        for fact in event.summary.facts:
            self._say(f"  {fact}")
        for warning in event.summary.warnings:
            self._say(Text.assemble(("  Warning:", "yellow"), f" {warning}"))
        self._say(f"Backbones to try: {', '.join(map(_licensed, event.plan.candidates))}")
        for reason, left_out in by_reason(event.plan.left_out).items():
            self._say(f"  left out, {reason}: {', '.join(left_out)}")
        self._say(f"Maximizing {self._metric} on validation rows; run folder {short(event.folder)}")

    def _epoch(self, number: int, epoch: Epoch) -> None:
        score = "" if epoch.score is None else f", {self._metric} {epoch.score:.4f}"
        where = f"{epoch.stage}, epoch {epoch.number}, loss {epoch.loss:.4f}{score}"
        self._say(f"trial {number:3d}    {where}  [{epoch.seconds:.1f} s]")

    def _paused(self, record: Record, left: float) -> None:
        score = f"{self._metric} {record.score:.4f} " if record.score is not None else ""
        where = f"{score}after {len(record.epochs)} epochs, paused"
        self._say(f"trial {record.number:3d}  {way(record.recipe)}  {where}{self._times(None, left)}")

    def _trial(self, record: Record, best: Record, left: float) -> None:
        score = f"{self._metric} {record.score:.4f}" if record.score is not None else record.state
        why = f": {record.error}" if record.error else ""
        leads = best.number == record.number and record.score is not None
        crown = Text(" (best so far)", "green") if leads else ""
        line = Text.assemble(f"trial {record.number:3d}  {way(record.recipe)}  ", (score, "bold"), why, crown)
        self._say(line.append(self._times(record.seconds, left)))

    def _finished(self, result: Result, folder: Path) -> None:
        self._live.stop()
        screen = closing(result, folder, self._commands, self._console, self._plugins)
        self._console.print(screen, soft_wrap=True)

    def _times(self, used: float | None, left: float) -> str:
        """What a trial took, and what is left where no live table says so."""
        times = [f"{used:.1f} s"] if used is not None else []
        if not self._console.is_terminal:
            times.append("no limit" if left == float("inf") else f"{seconds(max(0, round(left)))} left")
        return f"  [{', '.join(times)}]" if times else ""

    def _say(self, text: str | Text) -> None:
        self._console.print(text, markup=False, soft_wrap=not self._console.is_terminal)


def _licensed(candidate: Candidate) -> str:
    """The backbone, and if it comes with weights, their licence."""
    name, weights = candidate.info.name, candidate.weights
    return f"{name} ({weights.license or candidate.info.license or 'licence unknown'})" if weights else name
