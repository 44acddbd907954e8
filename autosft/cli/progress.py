"""`Progress`: a search as a person sees it. A live line in a terminal, plain lines elsewhere."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from autosft.cli.show import board_table
from autosft.cli.show import console as default_console
from autosft.contracts.recipe import Recipe
from autosft.contracts.record import Record, Result
from autosft.report.board import board_of
from autosft.search.news import (
    EpochFinished,
    Finished,
    News,
    Noted,
    Planned,
    Recognized,
    TrialFinished,
    TrialPaused,
    TrialResumed,
    TrialStarted,
)
from autosft.search.plan import Candidate


class Progress:
    """Watches a search and prints what happens."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or default_console()
        self._running: dict[int, str] = {}
        self._ends, self._disk = float("inf"), 0
        self._live = Live(console=self._console, get_renderable=self._line, refresh_per_second=4, transient=True)
        self._metric = ""

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def __call__(self, news: News) -> None:
        """Print one piece of news."""
        match news:
            case Recognized(claim, others):
                self._say(f"Recognized {claim.task.modality} data: {claim.why}")
                for other in others:
                    name = other.task.modality
                    self._say(f"  less likely {name} data ({other.why}); choose it with --modality {name}")
                if claim.unused:
                    self._say(f"  not used: {', '.join(claim.unused[:10])}{' …' if len(claim.unused) > 10 else ''}")
            case Planned():
                self._planned(news)
            case TrialStarted(number, recipe, left) | TrialResumed(number, recipe, left):
                self._running[number], self._ends = f"trial {number}: {_title(recipe)}", time.monotonic() + left
            case EpochFinished(number, epoch):
                score = "" if epoch.score is None else f", {self._metric} {epoch.score:.4f}"
                where = f"{epoch.stage}, epoch {epoch.number}"
                self._running[number] = f"trial {number}: {where}, loss {epoch.loss:.4f}{score}"
            case TrialPaused(record, left, disk):
                self._disk = disk
                self._paused_trial(record, left)
            case TrialFinished(record, best, left, disk):
                self._disk = disk
                self._finished_trial(record, best, left)
            case Noted(text):
                self._say(text[:1].upper() + text[1:])
            case Finished(result, folder):
                self._finished(result, folder)

    def _planned(self, news: Planned) -> None:
        self._metric = news.task.metric
        for fact in news.summary.facts:
            self._say(f"  {fact}")
        for warning in news.summary.warnings:
            self._say(f"[yellow]  Warning:[/] {escape(warning)}", markup=True)
        self._say(f"Backbones to try: {', '.join(map(_licensed, news.plan.candidates))}")
        by_reason: dict[str, list[str]] = {}
        for name, reason in news.plan.left_out.items():
            by_reason.setdefault(reason, []).append(name)
        for reason, left_out in by_reason.items():
            self._say(f"  left out, {reason}: {', '.join(left_out)}")
        self._say(f"Maximizing {self._metric} on validation rows; run folder {_short(news.folder)}")

    def _paused_trial(self, record: Record, left: float) -> None:
        score = f"{self._metric} {record.score:.4f} " if record.score is not None else ""
        where = f"{score}after {len(record.epochs)} epochs, paused"
        self._say(f"trial {record.number:3d}  {_title(record.recipe)}  {where}  [{_length(left)} left]")
        self._running.pop(record.number, None)

    def _finished_trial(self, record: Record, best: Record, left: float) -> None:
        outcome = f"{self._metric} {record.score:.4f}" if record.score is not None else record.state
        if record.error:
            outcome += f": {record.error}"
        crown = " (best so far)" if best.number == record.number and record.score is not None else ""
        time = f"[{record.seconds:.1f} s, {_length(left)} left]"
        self._say(f"trial {record.number:3d}  {_title(record.recipe)}  {outcome}{crown}  {time}")
        self._running.pop(record.number, None)

    def _finished(self, result: Result, folder: Path) -> None:
        self._live.stop()
        self._console.print(board_table(board_of(folder), limit=10))
        self._say(f"Best: {_bundled(result)}, validation {result.metric} {result.valid:.4f}")
        if len(result.best) > 1:
            for record, share in zip(result.best, result.shares, strict=True):
                self._say(f"  share {share:.2f}  trial {record.number:3d}  {_model(record)}")
        if result.refitted:
            some = f"{len(result.refitted)} of {len(result.best)} " if len(result.refitted) < len(result.best) else ""
            self._say(f"  {some}trained again on all rows for which there was time")
        if result.test is not None and result.interval is not None:
            low, high = result.interval
            self._say(f"Test {result.metric}: {result.test:.4f} (95 % interval {low:.4f} to {high:.4f})")
        within = f" of {_length(result.budget)}" if result.budget else ""
        self._say(f"Time: {_length(result.seconds['total'])}{within}; model in {_short(folder / result.bundle)}")
        run = shlex.quote(_short(folder))
        self._say(f"Next: autosft predict {run} FILES --out answers.csv    autosft report {run}")

    def _say(self, text: str, *, markup: bool = False) -> None:
        self._console.print(text, markup=markup, soft_wrap=True)

    def _line(self) -> Text:
        """The live line: what runs, and how long is left."""
        left = "" if self._ends == float("inf") else f"{_length(self._ends - time.monotonic())} left"
        disk = f"{self._disk / 1e9:.1f} GB on disk" if self._disk else ""
        parts = filter(None, [*self._running.values(), left, disk])
        return Text(", ".join(parts), style="dim", no_wrap=True, overflow="ellipsis")


def _bundled(result: Result) -> str:
    best, *others = result.best
    return f"blend of {len(result.best)}" if others else _model(best)


def _model(record: Record) -> str:
    soup = f"soup of {len(record.ingredients)}: " if record.ingredients else ""
    return soup + _title(record.recipe)


def _licensed(candidate: Candidate) -> str:
    """The backbone, and if it comes with weights, their licence."""
    name, weights = candidate.info.name, candidate.weights
    return f"{name} ({weights.license or candidate.info.license or 'licence unknown'})" if weights else name


def _title(recipe: Recipe) -> str:
    rows = f", {recipe.rows} rows" if recipe.rows else ""
    return f"{recipe.strategy} on {recipe.backbone}{rows}"


def _short(path: Path) -> str:
    """Relative to the working directory where that is shorter."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _length(seconds: float | None) -> str:
    if seconds is None or seconds == float("inf"):
        return "no limit"
    seconds = max(0.0, seconds)
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"
