"""How trials are ranked, and what a leaderboard shows of them."""

from __future__ import annotations

import csv

import pytest

from autosft.contracts.recipe import Recipe
from autosft.contracts.record import Epoch, Record, Result
from autosft.errors import BadInput
from autosft.report.leaderboard import COLUMNS, leaderboard_of, write_leaderboard

RECIPE = Recipe(backbone="tiny/wide", strategy="toy")
EPOCH = Epoch(stage="toy", number=1, loss=1.0, seconds=0.1)


@pytest.fixture
def run_of(tmp_path):
    """A function that writes records into a folder that looks like a run."""

    def write(*outcomes):
        (tmp_path / "run.json").write_text("{}")
        for number, outcome in enumerate(outcomes):
            record = Record(**{"number": number, "state": "done", "recipe": RECIPE, **outcome})
            record.write(tmp_path / "trials" / f"{number:04d}" / "record.json")
        return tmp_path

    return write


def column(leaderboard, name):
    return [row[name] for row in leaderboard.rows]


def test_trials_are_ranked_by_score_then_by_loss_then_by_age(run_of):
    scores = [(0.5, 0.1), (0.9, 0.3), (0.9, 0.2), (0.9, 0.3), (0.9, None)]

    leaderboard = leaderboard_of(run_of(*({"score": score, "loss": loss} for score, loss in scores)))

    assert column(leaderboard, "trial") == ["2", "1", "3", "4", "0"]
    assert column(leaderboard, "rank") == ["1", "2", "3", "4", "5"]


def test_failed_trials_stand_last_without_a_rank(run_of):
    leaderboard = leaderboard_of(
        run_of(
            {"state": "failed", "error": "out of order"},
            {"score": 0.2},
            {"state": "interrupted", "score": 0.99, "loss": 0.1},
            {"score": 0.0},
        )
    )

    assert column(leaderboard, "trial")[:2] == ["1", "3"] and set(column(leaderboard, "trial")[2:]) == {"0", "2"}
    assert column(leaderboard, "rank") == ["1", "2", "", ""]
    assert set(column(leaderboard, "state")[2:]) == {"failed", "interrupted"}


def test_a_row_shows_what_was_trained(run_of):
    leaderboard = leaderboard_of(
        run_of({"score": 0.98765, "loss": 0.012345, "epochs": (EPOCH, EPOCH), "seconds": 3.14159})
    )

    assert leaderboard.rows[0] == dict(
        zip(COLUMNS, ("1", "0", "0.9877", "0.0123", "tiny/wide", "toy", "2", "3.1", "", "done", ""), strict=True)
    )


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(BadInput, match="no run here"):
        leaderboard_of(tmp_path)
    with pytest.raises(BadInput, match="no run here"):
        leaderboard_of(tmp_path / "none")


def test_a_run_without_an_ended_trial_is_refused(run_of):
    with pytest.raises(BadInput, match="no trial has ended yet"):
        leaderboard_of(run_of())


def test_a_damaged_record_is_named(run_of):
    folder = run_of({"score": 0.5})
    (folder / "trials" / "0000" / "record.json").write_text('{"number": 0}')

    with pytest.raises(BadInput, match=r"0000/record\.json"):
        leaderboard_of(folder)


def test_the_csv_holds_the_rows_of_the_leaderboard(run_of):
    folder = run_of({"score": 0.5}, {"state": "failed", "error": 'said "no", twice; ü'})

    records = [Record.read(path) for path in folder.glob("trials/*/record.json")]

    write_leaderboard(folder, records)

    with (folder / "leaderboard.csv").open(newline="", encoding="utf-8") as stream:
        assert list(csv.DictReader(stream)) == list(leaderboard_of(folder).rows)


def test_the_leaderboard_tells_which_trials_answer_and_with_what_weight(run_of):
    folder = run_of({"score": 0.5}, {"score": 0.7}, {"score": 0.6})
    records = [Record.read(path) for path in sorted(folder.glob("trials/*/record.json"))]
    result = {"task": "clouds", "seed": 0, "metric": "accuracy", "valid": 0.8, "trials": {"done": 3}}
    empty = {"seconds": {}, "versions": {}}
    Result(**result, **empty, best=(records[1], records[0]), weights=(0.75, 0.25)).write(folder / "result.json")

    leaderboard = leaderboard_of(folder)

    assert column(leaderboard, "trial") == ["1", "2", "0"] and column(leaderboard, "weight") == ["0.75", "", "0.25"]
    assert leaderboard.members == 2
