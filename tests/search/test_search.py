"""A whole search, through real worker processes: what it leaves, and what it survives."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import time

import pytest

from autosft.contracts.record import Record, Result
from autosft.deploy.member import load_states
from autosft.deploy.predictor import Predictor
from autosft.errors import NothingFinished
from autosft.runs.run import Run
from autosft.search.driver import run_search
from autosft.search.events import Finished, Noted, TrialFinished, TrialPaused, TrialStarted
from autosft.search.memory.sampler import Sampler
from autosft.search.memory.study import Study, sqlite_url
from autosft.search.memory.trials import Trials
from autosft.testing.toy import ToyModality, make_points

pytestmark = pytest.mark.usefixtures("plugins")

SETTINGS = {"budget": None, "threads": 1, "device": "cpu", "strategies": ["toy"]}

KILLED_IN_TRIAL_TWO = """
import os, signal, sys
from autosft.search.driver import run_search
from autosft.search.events import EpochFinished

def callback(event):
    if isinstance(event, EpochFinished) and (event.number, event.epoch.number) == (2, 1):
        os.kill(os.getpid(), signal.SIGKILL)

run_search(sys.argv[1], run=sys.argv[2], callback=callback, budget=None, trials=4, threads=1, device="cpu",
           strategies=["toy"])
"""


def records(folder):
    return {path.parent.name: Record.read(path) for path in sorted(folder.glob("trials/*/record.json"))}


@pytest.fixture(scope="module")
def finished(points, plugins, tmp_path_factory):
    """A finished search: its folder, its result, and the events of it."""
    folder, events = tmp_path_factory.mktemp("runs") / "clouds", []
    return folder, run_search(points, trials=4, run=folder, callback=events.append, **SETTINGS), events


@pytest.fixture(scope="module")
def extended(finished, points):
    """The same search with more trials, after the same call as before: the events of both. The record that was stored
    last is not written, as a driver leaves it that is killed in between."""
    folder, _, _ = finished
    again, more = [], []
    last = max(records(folder).values(), key=lambda record: record.ended)
    last.model_copy(update={"state": "paused"}).write(folder / "trials" / f"{last.number:04d}" / "record.json")
    for trials, events in ((4, again), (6, more)):
        run_search(points, trials=trials, run=folder, callback=events.append, **SETTINGS)
    return again, more


def test_the_result_tells_how_good_the_best_model_is(finished):
    folder, result, _ = finished

    assert json.loads((folder / "result.json").read_text()) == result.plain()
    assert (result.task, result.metric) == ("clouds", "accuracy")
    assert sum(result.trials.values()) == 4 and set(result.trials) == {"done", "paused"}
    assert result.valid > 0.6 and result.test is not None and result.test > 0.6
    assert result.interval is not None and result.interval[0] <= result.test <= result.interval[1]
    assert result.test_reads == 1
    assert result.seconds["total"] >= sum(result.seconds[phase] for phase in ("search", "finish"))
    assert result.versions["autosft-toy"] == "1.0"


def test_what_was_learned_of_the_rows_before_the_search_holds_for_every_trial_and_after_going_on(finished, extended):
    folder, run = finished[0], Run.read(finished[0])
    modality = ToyModality()
    assert run.document.plan.state == modality.fit(run.data.train, modality.read)
    kept = [load_states(path.parent)[1].modality for path in folder.glob("trials/**/member.json")]
    assert kept and all(state == run.document.plan.state for state in kept)


def test_the_best_trial_by_validation_score_is_taken(finished):
    folder, result, _ = finished
    ended = [record for number, record in records(folder).items() if number < "0004"]

    assert result.best[0].score == result.valid == max(record.score for record in ended)


def test_the_bundle_predicts_and_the_test_score_is_its_own(finished):
    folder, result, _ = finished
    predictor = Predictor.load(folder / "best")
    test = Run.read(folder).data.test
    assert test is not None

    answers = predictor.predict(list(test.ref))

    assert sum(answer == target for answer, target in zip(answers, test.target(0), strict=True)) / len(test) == (
        pytest.approx(result.test)
    )


def test_the_events_come_in_order(finished):
    folder, result, events = finished

    kinds = [type(entry).__name__ for entry in events]
    assert kinds[:3] == ["Recognized", "Planned", "TrialStarted"] and kinds[-1] == "Finished"
    assert [entry.number for entry in events if isinstance(entry, TrialStarted)] == [0, 1, 2, 3]
    legs = [entry.record for entry in events if isinstance(entry, (TrialPaused, TrialFinished))]
    assert {record.number for record in legs} == {0, 1, 2, 3}
    assert [record.number for record in legs if record.state == "done"]
    assert events[-1] == Finished(result, folder)


def test_the_first_trial_takes_the_defaults(finished):
    first = records(finished[0])["0000"].recipe

    assert (first.backbone, first.optim.lr, first.stop.max_epochs) == ("tiny/wide", 1e-2, 4)


def test_no_two_trials_train_the_same(finished):
    recipes = [record.recipe.changed(seed=0).model_dump_json() for record in records(finished[0]).values()]

    assert len(set(recipes)) == len(recipes) >= 4


def test_study_records_and_leaderboard_agree(finished):
    folder, _, _ = finished
    with (folder / "leaderboard.csv").open(newline="") as stream:
        leaderboard = list(csv.DictReader(stream))

    trials = Trials(Study(sqlite_url(folder / "study.db"), "autosft"), Sampler(0), 0)
    assert sorted(trials.known, key=lambda record: record.number) == list(records(folder).values())
    assert sorted(int(row["trial"]) for row in leaderboard) == [record.number for record in records(folder).values()]


def test_the_same_call_returns_the_same_result_and_reads_the_test_split_no_more(finished, extended):
    _, result, _ = finished
    again, _ = extended

    assert [type(entry) for entry in again if not isinstance(entry, Finished)] == [type(again[0])]  # recognized
    assert again[-1].result == result
    assert again[-1].result.test_reads == 1


def test_more_trials_extend_the_run_and_say_that_the_test_split_was_read_again(finished, extended):
    folder, first, _ = finished
    _, more = extended
    result = Result.read(folder / "result.json")

    assert [entry.number for entry in more if isinstance(entry, TrialStarted)] == [4, 5]
    assert sum(result.trials.values()) == 6 and result.test_reads == 2
    assert result.valid >= first.valid
    assert result.seconds["total"] > first.seconds["total"]


def test_a_record_that_was_stored_and_not_written_is_written(finished, extended):
    folder, _, _ = finished

    trials = Trials(Study(sqlite_url(folder / "study.db"), "autosft"), Sampler(0), 0)

    assert sorted(trials.known, key=lambda record: record.number) == list(records(folder).values())


def test_fewer_trials_than_were_made_change_nothing(finished, extended, points):
    folder, _, _ = finished
    before = Result.read(folder / "result.json")

    assert run_search(points, trials=1, run=folder, **SETTINGS) == before


@pytest.mark.slow
def test_a_killed_driver_loses_no_finished_trial(points, tmp_path, plugins):
    folder = tmp_path / "run"
    killed = subprocess.run([sys.executable, "-c", KILLED_IN_TRIAL_TWO, str(points), str(folder)], timeout=60)
    assert killed.returncode == -9
    before = records(folder)
    left = Study(sqlite_url(folder / "study.db"), "autosft").trials()
    assert [trial.number for trial in left if trial.record] == [0, 1] and [t.number for t in left if t.running] == [2]
    assert not (folder / "result.json").exists()

    events = []
    result = run_search(points, trials=4, run=folder, callback=events.append, **SETTINGS)

    assert [entry.number for entry in events if isinstance(entry, TrialStarted)] == [2, 3]
    after = records(folder)
    assert sum(result.trials.values()) == len(after) == 4 and result.test_reads == 1
    assert list(before) == ["0000", "0001"]
    assert all(after[trial].epochs[: len(record.epochs)] == record.epochs for trial, record in before.items())
    for record in after.values():
        assert [epoch.number for epoch in record.epochs] == list(range(1, len(record.epochs) + 1))


@pytest.mark.slow
def test_where_no_encoder_can_be_made_to_start_from_trials_say_so_and_the_search_goes_on(points, tmp_path, plugins):
    result = run_search(points, trials=7, run=tmp_path / "run", **{**SETTINGS, "strategies": ["toy", "refuses"]})

    failed = [record for record in records(tmp_path / "run").values() if record.state == "failed"]
    assert 1 <= len(failed) <= 3 and len(failed) + sum(result.trials.values()) - result.trials["failed"] == 7
    why = "refuses could not make the encoder that it starts from: RuntimeError: the part is out of order"
    assert all(record.recipe.start.strategy == "refuses" and record.error == why for record in failed)
    assert not list((tmp_path / "run").glob("starts/*/member.json"))


@pytest.mark.slow
def test_parts_that_raise_and_workers_that_die_fail_their_trial_and_the_search_goes_on(points, tmp_path, plugins):
    folder = tmp_path / "run"
    settings = {**SETTINGS, "strategies": ["raises", "dies", "toy"], "backbones": ["tiny/narrow"]}

    result = run_search(points, trials=4, run=folder, **settings)

    ended = records(folder)
    by_strategy = {record.recipe.strategy: record for record in ended.values()}
    assert by_strategy["toy"].state == "done" and result.best[0].recipe.strategy == "toy"
    assert by_strategy["raises"].state == by_strategy["dies"].state == "failed"
    assert by_strategy["raises"].error == "RuntimeError: the part is out of order"
    assert by_strategy["dies"].error == "the worker was lost: killed by signal 9; see worker.log"
    assert "Traceback" in (folder / "worker.log").read_text() and len(ended) == 4


def test_nothing_finished_says_what_the_trials_said(points, tmp_path, plugins):
    events = []

    with pytest.raises(NothingFinished, match=r"No trial had a score.*RuntimeError: the part is out of order"):
        run_search(
            points, trials=50, run=tmp_path / "run", callback=events.append, **{**SETTINGS, "strategies": ["raises"]}
        )

    assert not (tmp_path / "run" / "result.json").exists()
    assert len(records(tmp_path / "run")) == 3
    said = [entry.text for entry in events if isinstance(entry, Noted)]
    quarantined = "raises is quarantined, because it failed three times in a row"
    assert said[0] == f"{quarantined}: RuntimeError: the part is out of order" and "nothing new" in said[1]


@pytest.mark.slow
def test_a_search_that_ran_out_of_ideas_is_finished(points, tmp_path, plugins):
    settings = {**SETTINGS, "strategies": ["still"], "backbones": ["tiny/narrow"], "trials": 50}
    first = run_search(points, run=tmp_path / "run", **settings)
    assert first.trials == {"done": 4}  # two activations, two losses

    assert run_search(points, run=tmp_path / "run", **settings) == first


def test_few_rows_judge_all_together_and_the_best_backbones_answer_together(tmp_path, plugins):
    few = make_points(tmp_path / "few.points.json", rows=60, seed=1)

    result = run_search(few, trials=4, run=tmp_path / "run", **SETTINGS)

    data = Run.read(tmp_path / "run").data
    done = [record for record in records(tmp_path / "run").values() if record.state == "done"]
    assert {record.rows for record in done} == {len(data.train) + len(data.valid)}
    assert {record.recipe.backbone for record in result.best} == {"tiny/wide", "tiny/narrow"}
    assert result.weights == (0.5, 0.5) and len(result.refitted) == 2


@pytest.mark.slow
def test_the_budget_holds(tmp_path, plugins):
    few = make_points(tmp_path / "few.points.json", rows=90, seed=1)
    started = time.monotonic()

    result = run_search(few, run=tmp_path / "run", **{**SETTINGS, "strategies": ["sleeps"], "budget": 22.0})

    assert time.monotonic() - started < 22.0 + 8.0
    assert result.seconds["total"] < 22.0 + 8.0 and result.budget == 22.0


@pytest.mark.slow
def test_after_a_perfect_score_the_search_ends_early_and_says_so(tmp_path, plugins):
    easy = tmp_path / "easy.points.json"
    rows = [{"x": [10.0 * (n % 2), n / 2000, 0.0, 1.0], "label": "ab"[n % 2]} for n in range(2000)]
    easy.write_text(json.dumps({"rows": rows, "unlabeled": []}))
    events = []

    result = run_search(easy, trials=30, run=tmp_path / "run", callback=events.append, **SETTINGS)

    assert result.valid == 1.0 and sum(result.trials.values()) < 30
    assert any(isinstance(entry, Noted) and "perfect validation score" in entry.text for entry in events)


@pytest.mark.slow
def test_a_second_search_over_the_same_data_encodes_nothing_again(points, tmp_path, plugins, monkeypatch):
    monkeypatch.setenv("AUTOSFT_CACHE", str(tmp_path / "cache"))
    settings = {**SETTINGS, "strategies": ["still"], "trials": 2}
    first = run_search(points, run=tmp_path / "first", **settings)
    before = {path: path.stat().st_size for path in (tmp_path / "cache").rglob("*.safetensors")}

    second = run_search(points, run=tmp_path / "second", **settings)

    assert before and {path: path.stat().st_size for path in (tmp_path / "cache").rglob("*.safetensors")} == before
    assert (second.valid, second.test) == (first.valid, first.test)


def test_a_run_goes_on_with_as_many_threads_as_before_where_none_are_asked_for(points, tmp_path, monkeypatch):
    settings = {**SETTINGS, "threads": None}
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0})
    run_search(points, trials=1, run=tmp_path / "run", **settings)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(64)))

    result = run_search(points, trials=2, run=tmp_path / "run", **settings)

    assert sum(result.trials.values()) == 2 and Run.read(tmp_path / "run").document.spec.threads == 1


def test_data_that_has_changed_since_the_run_began_is_said(points, tmp_path):
    data, notes = tmp_path / "clouds.points.json", []
    shutil.copyfile(points, data)

    def callback(event):
        notes.extend([event.text] if isinstance(event, Noted) else [])

    for trials in (1, 2):
        run_search(data, trials=trials, run=tmp_path / "run", callback=callback, **SETTINGS)
    assert not any("the data has changed" in note for note in notes)

    data.write_text(data.read_text() + " ")
    run_search(data, trials=2, run=tmp_path / "run", callback=callback, **SETTINGS)
    assert any("the data has changed since the run began" in note for note in notes)
