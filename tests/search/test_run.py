"""What a run's folder keeps, who may use it, and what is never touched."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from autosft.contracts.record import RUN_SCHEMA, Record
from autosft.errors import BadInput, PartMissing, RunConflict
from autosft.report.saved_run import read_saved_run
from autosft.runs.run import Run
from autosft.search.driver import run_search
from autosft.search.events import Planned
from autosft.search.space import recipe_of

HOLD = """
import sys, time
from pathlib import Path
from autosft.runs.run import Run
run = Run.read(Path(sys.argv[1]))
run = Run.resume(run.folder, run.document.task, run.document.spec)
print("held", flush=True)
time.sleep(60)
"""

SETTINGS = {"budget": None, "trials": 2, "threads": 1}


def tree(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def record(number, score):
    recipe = recipe_of({"backbone": "tiny/wide", "strategy": "toy"}, number)
    return Record(number=number, state="done" if score else "failed", recipe=recipe, score=score)


@pytest.fixture
def folder(tmp_path, make_run):
    """A run that nobody holds."""
    make_run(tmp_path / "run", **SETTINGS).close()
    return tmp_path / "run"


def test_what_was_written_is_read_again(tmp_path, make_run):
    written = make_run(tmp_path / "run", **SETTINGS)
    written.close()

    read = Run.read(tmp_path / "run")

    assert read.document == written.document
    assert read.data.fingerprint == written.data.fingerprint
    for name in ("train", "valid", "test", "unlabeled"):
        assert list(getattr(read.data, name)) == list(getattr(written.data, name))
    assert read.result() is None and read.seconds_used() == 0.0


def test_seconds_are_remembered(folder):
    Run.read(folder).note_seconds(12.5)

    assert Run.read(folder).seconds_used() == 12.5


def test_a_second_driver_is_refused_at_once_and_told_who_holds_the_run(folder, points, registry):
    with subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        before = tree(folder)
        asked = time.monotonic()
        with pytest.raises(RunConflict, match=rf"another search is running in it \(process {holder.pid} on "):
            run_search(points, run=folder, registry=registry, **SETTINGS)
        assert time.monotonic() - asked < 2.0
        assert tree(folder) == before

        holder.kill()
        holder.wait()
    run = Run.read(folder)
    Run.resume(folder, run.document.task, run.document.spec).close()  # a killed driver holds nothing


def test_a_search_that_raises_as_soon_as_its_folder_is_there_holds_nothing(tmp_path, points, registry):
    def callback(event):
        if isinstance(event, Planned):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as kept:  # as a notebook keeps the last error, and all that it refers to
        run_search(points, run=tmp_path / "run", registry=registry, callback=callback, **SETTINGS)

    run = Run.read(tmp_path / "run")
    Run.resume(tmp_path / "run", run.document.task, run.document.spec).close()
    assert kept.value


def test_a_folder_that_is_no_run_is_refused_and_left_untouched(tmp_path, points, registry):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("five years of work")

    with pytest.raises(RunConflict, match=r"is no run of AutoSFT.*--run"):
        run_search(points, run=tmp_path / "thesis", registry=registry, **SETTINGS)

    assert tree(tmp_path) == {"thesis/chapter.txt": b"five years of work"}


def test_an_unknown_executor_is_refused_before_anything_is_written(tmp_path, points, registry):
    with pytest.raises(PartMissing, match="slurm"):
        run_search(points, run=tmp_path / "run", registry=registry, executor="slurm", **SETTINGS)

    assert not tree(tmp_path)


def test_a_storage_that_cannot_be_reached_is_refused_before_anything_is_written(tmp_path, points, registry):
    with pytest.raises(BadInput, match="cannot be opened"):
        run_search(points, run=tmp_path / "run", registry=registry, storage="sqlite:////nowhere/study.db", **SETTINGS)

    assert not tree(tmp_path)


def test_a_file_in_the_place_of_the_folder_is_refused_and_left_untouched(tmp_path, points, registry):
    (tmp_path / "notes").write_text("mine")

    with pytest.raises(RunConflict, match="is a file"):
        run_search(points, run=tmp_path / "notes", registry=registry, **SETTINGS)
    with pytest.raises(BadInput, match="cannot be written"):
        run_search(points, run=tmp_path / "notes" / "run", registry=registry, **SETTINGS)

    assert tree(tmp_path) == {"notes": b"mine"}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"seed": 1}, "seed was 0, now 1"),
        ({"metric": "balanced_accuracy"}, "metric of label was 'accuracy', now 'balanced_accuracy'"),
        ({"hold_out_test": False}, "hold_out_test was True, now False"),
        ({"backbones": ("tiny/wide",)}, "backbones was"),
    ],
)
def test_other_settings_are_refused_by_name(folder, points, registry, changed, said):
    before = tree(folder)

    with pytest.raises(RunConflict, match="holds another search") as caught:
        run_search(points, run=folder, registry=registry, **SETTINGS, **changed)

    assert said in str(caught.value)
    assert tree(folder) == before


def test_a_larger_budget_is_no_other_search(folder):
    old = Run.read(folder).document

    run = Run.resume(folder, old.task, old.spec.model_copy(update={"trials": 9}))
    run.close()

    assert run.document.spec.trials == 9 and Run.read(folder).document == old  # written when the search goes on


def test_a_smaller_budget_is_refused_while_the_run_is_unfinished(folder):
    old = Run.read(folder).document

    with pytest.raises(RunConflict, match="budget was None, now 60"):
        Run.resume(folder, old.task, old.spec.model_copy(update={"budget": 60.0}))


def test_damaged_files_are_named(folder):
    (folder / "clock.json").write_text('{"sec')
    with pytest.raises(BadInput, match=r"clock\.json: damaged"):
        Run.read(folder).seconds_used()
    (folder / "data.arrow").write_text("{")
    with pytest.raises(BadInput, match=r"data\.arrow"):
        Run.read(folder)
    (folder / "run.json").write_text("{}")
    with pytest.raises(BadInput, match=r"run\.json"):
        Run.read(folder)


@pytest.mark.parametrize("left", [("run.lock", "run.holder"), ("run.lock", "run.holder", "data.arrow")], ids=len)
def test_a_driver_killed_before_the_first_trial_leaves_a_folder_that_can_be_used(tmp_path, folder, make_run, left):
    (tmp_path / "killed").mkdir()
    for name in left:
        (tmp_path / "killed" / name).write_bytes((folder / name).read_bytes())
    (tmp_path / "killed" / ".run.json.4711.tmp").write_bytes(b'{"task')  # killed while it wrote

    make_run(tmp_path / "killed", **SETTINGS).close()


def test_a_model_that_is_dropped_is_deleted_but_not_its_record(folder):
    run = Run.read(folder)
    records = [record(number, score) for number, score in enumerate([0.5, 0.9, None, 0.7])]
    for entry in records:
        entry.write(run.trial_folder(entry.number) / "record.json")
        (run.trial_folder(entry.number) / "model.safetensors").write_bytes(b"heavy")
        (run.trial_folder(entry.number) / "refit").mkdir()

    for number in (0, 2):
        run.drop_model(number)

    kept = [path.parent.name for path in sorted(folder.glob("trials/*/model.safetensors"))]
    assert kept == ["0001", "0003"]
    assert len(list(folder.glob("trials/*/record.json"))) == 4
    assert len(list(folder.glob("trials/*/refit"))) == 2


def test_what_was_known_of_the_rows_is_written_down(make_run, tmp_path):
    run = make_run(tmp_path / "run")

    assert run.document.plan.facts.train == len(run.data.train) and run.document.plan.facts.classes == 3


@pytest.mark.parametrize(("schema", "which"), [(RUN_SCHEMA - 1, "an earlier"), (RUN_SCHEMA + 1, "a later")])
def test_a_run_of_another_version_is_refused_in_one_sentence(make_run, tmp_path, schema, which):
    make_run(tmp_path / "run").close()
    path = tmp_path / "run" / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": schema, "unheard": "of"}))

    for read in (Run.read, read_saved_run):
        with pytest.raises(BadInput, match=f"run.json: written by {which} version of AutoSFT"):
            read(tmp_path / "run")
