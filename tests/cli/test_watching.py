"""How a search is watched: JSON for programs, silence, a live table; and what the shell offers."""

from __future__ import annotations

import io
import json
import re
import typing
from pathlib import Path

import pytest
from rich.console import Console

from autosft.cli.show import leaderboard_table
from autosft.cli.watch.events import Events
from autosft.cli.watch.live import LiveTable
from autosft.contracts.recipe import Recipe
from autosft.contracts.record import Epoch, Record
from autosft.contracts.task import Task, TaskTarget
from autosft.errors import BadInput
from autosft.report.leaderboard import leaderboard
from autosft.search import events
from tests.cli.test_commands import HEAVY, the_line

RECIPE = Recipe(backbone="tiny/wide", strategy="toy")
RECORD = Record(number=3, state="done", recipe=RECIPE, score=0.75, loss=float("nan"), seconds=1.5)
TASK = Task(
    name="clouds", modality="points", targets=(TaskTarget(problem="classification", metric="accuracy"),), data={}
)
SEARCH = ("search", "clouds.points.json", "--trials", 1, "--budget", "none", "--threads", 1, "--strategies", "toy")


def documented():
    """The keys of each event, as docs/reference/terminal.md says."""
    text = (Path(__file__).parents[2] / "docs" / "reference" / "terminal.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| .* \| (.*) \|$", text, re.MULTILINE)
    return {name: {"event", "at", *re.findall(r"`(\w+)`", keys)} for name, keys in rows}


def test_a_search_is_a_document_a_line_as_documented_and_the_same_again_is_silent(autosft, points):
    done = autosft(*SEARCH, "--json")

    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and done.stderr == ""
    names = [event["event"] for event in events]
    assert names[:3] == ["recognized", "planned", "trial_started"] and names[-2:] == ["finishing", "finished"]
    assert {"epoch_finished", "trial_finished"} <= set(names)
    assert all(set(event) == documented()[event["event"]] for event in events)
    assert events[2]["seconds_left"] is None  # without end
    quiet = autosft(*SEARCH, "--quiet")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


@pytest.mark.parametrize("colours", [{}, {"NO_COLOR": "1"}], ids=str)
def test_in_a_terminal_a_search_is_one_live_table_whose_colours_can_be_refused(in_terminal, points, colours):
    code, sent = in_terminal(*SEARCH, **colours)

    assert code == 0 and "\x1b[?25l" in sent and "\x1b[?25h" in sent  # the cursor is away while the table is there
    last = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", sent).rpartition("time left")[2]
    assert "autosft report runs/clouds" in last and "autosft predict runs/clouds" in last
    coloured = {code for codes in re.findall(r"\x1b\[([0-9;]+)m", sent) for code in codes.split(";")}
    assert bool(coloured & {str(code) for code in (*range(30, 39), *range(90, 98))}) is not bool(colours)


def test_every_kind_of_events_is_documented():
    def name_of(kind):
        return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()

    assert set(documented()) == {*map(name_of, typing.get_args(events.SearchEvent)), "failed"}


def test_what_json_does_not_know_is_null_and_an_error_is_the_last_event():
    stream = io.StringIO()

    with pytest.raises(BadInput), Events(stream) as callback:
        callback(events.Continued(TASK, Path("run"), 2, RECORD))
        callback(events.TrialFinished(RECORD, RECORD, float("inf"), 10))
        raise BadInput("no such thing")

    continued, finished, failed = map(json.loads, stream.getvalue().splitlines())
    assert continued["best_score"] == 0.75 and set(continued) == documented()["continued"]
    assert finished["loss"] is None and finished["seconds_left"] is None and finished["trial"] == 3
    assert (failed["event"], failed["error"]) == ("failed", "no such thing")


def test_one_way_of_printing_is_chosen(autosft, points):
    assert "Give one of --json, --quiet and --verbose" in the_line(autosft(*SEARCH, "--json", "-v"))


def test_the_live_table_says_what_is_best_what_runs_and_what_is_left():
    console = Console(width=100, file=io.StringIO())
    table = LiveTable(console)
    for one in (
        events.Continued(TASK, Path("run"), 7, RECORD),
        events.TrialStarted(4, RECIPE, 200.0),
        events.TrialStarted(5, RECIPE, 200.0),
        events.EpochFinished(4, Epoch(stage="toy", number=2, loss=0.5, score=0.25, seconds=0.1)),
        events.TrialFinished(RECORD, RECORD, 90.4, 3_000_000),
    ):
        table(one)

    console.print(table._table())
    said = console.file.getvalue()

    for line in (
        r"best +accuracy 0\.7500, trial 3, toy on tiny/wide",
        r"trial 4 +toy on tiny/wide: toy 2, loss 0\.5000, accuracy 0\.2500",
        r"trial 5 +toy on tiny/wide\b",
        r"left .+, 8 trials ended, 3 MB on disk",
    ):
        assert re.search(line, said)


def test_a_narrow_terminal_spares_columns_and_no_cell_is_cut():
    long = RECIPE.model_copy(update={"backbone": "timm/vit_small_patch16_224.augreg_in21k"})
    trials = leaderboard([RECORD.model_copy(update={"recipe": long})], None)
    narrow, wide = (Console(width=width, file=io.StringIO()) for width in (80, 200))

    for console in (narrow, wide):
        console.print(leaderboard_table(trials, console))

    assert long.backbone in narrow.file.getvalue() and "no room for epochs, loss" in narrow.file.getvalue()
    assert "epochs" in wide.file.getvalue() and "no room" not in wide.file.getvalue()


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("search x --metric top", ["top_k_accuracy"]),
        ("search x --problem multi", ["multilabel"]),
        ("search x --modality poi", ["points"]),
        ("search x --strategies probe,t", ["probe,toy"]),
        ("search x --backbones tiny/", ["tiny/narrow", "tiny/wide"]),
        ("search x --executor p", ["processes"]),
        ("leaderb", ["leaderboard"]),
    ],
)
def test_the_shell_completes_names(listed, typed, offered):
    words = f"autosft {typed}"
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}

    done, libraries = listed(more={"_AUTOSFT_COMPLETE": "complete_bash", **asked})

    assert done.stdout.split() == offered and not libraries & HEAVY


def test_completion_can_be_installed(autosft):
    shown = autosft("--help").stdout

    assert "--install-completion" in shown and "--show-completion" in shown
