"""Each sketch goes through a whole search with two workers: planned, killed, gone on with, bundled, asked, ranked."""

import csv

import pytest
import speech
import translation
import vocabulary

from autosft.contracts.record import Record
from autosft.contracts.task import Task, TaskTarget
from autosft.deploy.predictor import Predictor
from autosft.runs.run import Run
from autosft.search.driver import run_search
from autosft.testing.toy import make_points
from autosft.testing.trials import points_task
from autosft.training import ahead


def task(name, problem, **data):
    return Task(name=name, modality=name, targets=(TaskTarget(problem=problem),), data=data)


def two_classifications(path):
    asked = (
        TaskTarget(name="cloud", problem="classification", columns="label", weight=2),
        TaskTarget(name="half", problem="classification", columns="side", metric="f1_macro"),
    )
    return Task(name="points", modality="points", data={"file": str(path)}, targets=asked)


DATA = {
    "boxes": lambda folder: task("pictures", "boxes", rows=120),
    "diffusion": lambda folder: points_task(
        make_points(folder / "clouds.points.json", rows=120), problems=["generation"], targets=[("height", "breadth")]
    ),
    "halves": lambda folder: points_task(
        make_points(folder / "clouds.points.json", rows=120, missing=["height"]),
        problems=["classification", "regression"],
    ),
    "lora": lambda folder: make_points(folder / "clouds.points.json", rows=120),
    "meanteacher": lambda folder: make_points(folder / "clouds.points.json", rows=120),
    "names": lambda folder: two_classifications(make_points(folder / "clouds.points.json", rows=120)),
    "neighbors": lambda folder: make_points(folder / "clouds.points.json", rows=120),
    "pairs": lambda folder: make_points(folder / "clouds.points.json", rows=120),
    "speech": lambda folder: task("frames", "transcription", entries=list(speech.entries(120))),
    "trees": lambda folder: make_points(folder / "clouds.points.json", rows=120),
    "translation": lambda folder: task("numbers", "translation", pairs=list(translation.pairs(120))),
    "vocabulary": lambda folder: task("texts", "classification", texts=list(vocabulary.texts())),
}
STRATEGIES = {
    "halves": ["toy", "probe"],
    "lora": ["lora"],
    "meanteacher": ["meanteacher"],
    "names": ["toy", "probe"],
    "neighbors": ["neighbors"],
    "pairs": ["contrastive"],
    "trees": ["trees"],
    "vocabulary": ["probe"],
}
INSTALLED = {"halves": (), "names": ()}
"""Those that need no plugin but the toy one: half of the rows have both targets; two targets are classifications."""

TOGETHER = ("boxes", "halves", "lora", "meanteacher", "names", "pairs")
"""Those of which two processes train each trial too: a loss of a whole batch, steps of several streams, targets that
are missing, adapters, two targets of one problem, rows that stay together."""


@pytest.mark.slow
@pytest.mark.parametrize(("sketch", "processes"), [*((name, 1) for name in DATA), *((name, 2) for name in TOGETHER)])
def test_a_sketch_goes_through_a_whole_search_that_is_killed_on_its_way(sketch, processes, install, killed, tmp_path):
    install(*INSTALLED.get(sketch, [sketch]))
    data, run = DATA[sketch](tmp_path), tmp_path / "run"
    settings = {"strategies": STRATEGIES.get(sketch, ["toy"]), "trials": 2, "processes_per_trial": processes}
    killed(data, run, at=0, **settings)

    result = run_search(data, run=run, budget=None, threads=2, workers=2, device="cpu", **settings)

    records = [Record.read(path) for path in sorted(run.glob("trials/*/record.json"))]
    assert [record.state for record in records if record.error] == []
    assert sum(result.trials.values()) == len(records) <= 2 and result.test is not None
    test = Run.read(run).data.test
    assert len(Predictor.load(run).predict(list(test.ref))) == len(test) == result.test_rows
    with (run / "leaderboard.csv").open() as stream:
        assert len(list(csv.DictReader(stream))) == len(records)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_search_comes_to_the_same_whoever_loads_its_rows(install, killed, tmp_path, monkeypatch):
    """Once by the thread that trains, as toy points are, and once by threads and then processes, killed on its way."""
    data = make_points(tmp_path / "clouds.points.json", rows=120)
    settings = {"strategies": ["toy"], "trials": 2}
    common = {"budget": None, "threads": 2, "workers": 2, "device": "cpu", **settings}
    install()
    run_search(data, run=tmp_path / "here", **common)
    for name in ("TRIFLE_SECONDS", "STARVED_SECONDS", "STARVED_FRACTION", "Processes"):  # as they are, when it is over
        monkeypatch.setattr(ahead, name, getattr(ahead, name))
    install("hasty")
    noted = tmp_path / "processes"
    monkeypatch.setenv("HASTY", str(noted))
    killed(data, tmp_path / "there", at=0, **settings)

    run_search(data, run=tmp_path / "there", **common)

    assert noted.exists()
    here, there = (
        {
            record.recipe.model_dump_json(): record
            for record in map(Record.read, sorted((tmp_path / run).glob("trials/*/record.json")))
        }
        for run in ("here", "there")
    )
    assert here.keys() == there.keys() and len(here) == 2
    for recipe, record in here.items():
        other = there[recipe]
        assert (record.score, record.loss) == (other.score, other.loss)
        assert [epoch.loss for epoch in record.epochs] == [epoch.loss for epoch in other.epochs]
