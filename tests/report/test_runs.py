"""Several runs side by side: who is ahead in a task, and over tasks, and what is not to be compared."""

from __future__ import annotations

import csv
import io
import json

import pytest

from autosft.cli.show import Format
from autosft.cli.show import leaderboard as show
from autosft.errors import BadInput
from autosft.report.formats import as_csv, as_markdown
from autosft.report.runs import COLUMNS, compare_runs, leaderboard
from tests.report.conftest import Story


@pytest.fixture
def entered(tmp_path):
    """A function that writes a run of an entrant: its folder."""

    def enter(entrant, task, test, valid=0.8, fingerprint="f" * 64):
        told = Story(tmp_path / entrant / task, targets=["a", "b"] * 30)
        told.trial(valid)
        told.result = None if test is None else {"test": test, "interval": (test - 0.1, test + 0.1), "task": task}
        told.write()
        document = json.loads((told.folder / "run.json").read_text())
        document["task"]["name"], document["fingerprint"] = task, fingerprint
        (told.folder / "run.json").write_text(json.dumps(document))
        return told.folder

    return enter


def column(leaderboard, name):
    return [row[name] for row in leaderboard.values]


def test_runs_are_ranked_within_their_task_by_the_test_score(entered):
    folders = [entered("ours", "birds", 0.7), entered("theirs", "birds", 0.9), entered("ours", "age", 0.2)]

    leaderboard, overall = compare_runs(folders)

    assert column(leaderboard, "task") == ["age", "birds", "birds"] and column(leaderboard, "test") == [0.2, 0.9, 0.7]
    assert column(leaderboard, "rank") == [1, 1, 2] and column(leaderboard, "low")[1] == pytest.approx(0.8)
    assert column(leaderboard, "best")[0] == "toy on tiny/narrow" and column(leaderboard, "budget")[0] == 60.0
    assert overall is None and not leaderboard.notes  # theirs did not enter for age


def test_runs_with_the_same_score_share_a_rank(entered):
    leaderboard, _ = compare_runs([entered(name, "birds", test) for name, test in (("a", 0.5), ("b", 0.9), ("c", 0.9))])

    assert column(leaderboard, "rank") == [1, 1, 3]


def test_entrants_are_ranked_over_tasks_if_all_entered_for_each_once(entered):
    folders = [
        entered(entrant, task, test)
        for entrant, tests in (("ours", {"age": 0.3, "birds": 0.9}), ("theirs", {"age": 0.2, "birds": 0.9}))
        for task, test in tests.items()
    ]

    _, overall = compare_runs(folders)

    assert [entrant.rpartition("/")[2] for entrant in column(overall, "entrant")] == ["ours", "theirs"]
    assert column(overall, "mean rank") == [1.0, 1.5] and column(overall, "first") == [2, 1]
    assert overall.rows[1]["mean rank"] == "1.50"


def test_what_is_not_to_be_compared_is_said(entered):
    runs = [entered("a", "birds", 0.5), entered("b", "birds", 0.6, fingerprint="e" * 64), entered("c", "birds", None)]

    leaderboard, overall = compare_runs(runs)

    assert column(leaderboard, "rank") == [1, 2, None] and column(leaderboard, "valid")[2] == 0.8 and overall is None
    assert (
        leaderboard.notes[0]
        == "birds: the runs had different rows or splits, so their scores are of different test rows"
    )
    assert leaderboard.notes[1] == f"{runs[2]}: not finished"


def test_a_run_that_is_not_finished_comes_after_one_without_test_rows(entered):
    without = entered("a", "birds", 0.5, valid=0.8)
    result = json.loads((without / "result.json").read_text())
    (without / "result.json").write_text(json.dumps({**result, "test": None, "interval": None}))

    leaderboard, _ = compare_runs([entered("b", "birds", None, valid=0.85), without])

    assert column(leaderboard, "rank") == [1, None] and column(leaderboard, "run")[0] == str(without)


@pytest.mark.parametrize("format", [*Format])
def test_however_it_is_written_what_is_not_to_be_compared_is_said_beside_it(entered, capsys, format):
    runs = [entered("a", "birds", 0.5), entered("b", "birds", 0.6, fingerprint="e" * 64)]

    show(runs, format)

    said = capsys.readouterr()
    words = "Note: birds: the runs had different rows or splits"
    assert words in (said.out if format is Format.table else said.err)
    assert format is Format.table or words not in said.out


def test_a_data_frame_warns_of_what_is_not_to_be_compared(entered):
    runs = [entered("a", "birds", 0.5), entered("b", "birds", 0.6, fingerprint="e" * 64)]

    with pytest.warns(UserWarning, match="scores are of different test rows"):
        leaderboard(*runs)


def test_a_run_that_is_named_twice_is_refused(entered):
    run = entered("ours", "birds", 0.7)

    with pytest.raises(BadInput, match="named twice"):
        compare_runs([run, run.parent / "birds"])


def test_rows_are_written_as_csv_and_as_markdown(entered):
    leaderboard, _ = compare_runs([entered("ours", "a|b", 0.7), entered("theirs", "a|b", 0.5)])

    (first, second) = csv.DictReader(io.StringIO(as_csv(leaderboard.columns, leaderboard.rows)))
    assert [first["task"], first["test"], second["rank"]] == ["a|b", "0.7000", "2"]
    header, line, row, _ = as_markdown(leaderboard.columns, leaderboard.rows, ["rank"]).splitlines()
    assert header == f"| {' | '.join(COLUMNS)} |" and line.startswith("| --- | --- | ---: | --- |")
    assert row.startswith("| a\\|b | accuracy | 1 | ")


def test_several_runs_are_a_data_frame(entered):
    frame = leaderboard(entered("ours", "birds", 0.7), entered("theirs", "birds", 0.9))

    assert tuple(frame.columns) == COLUMNS and frame["test"].tolist() == [0.9, 0.7]
