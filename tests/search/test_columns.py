"""A whole search with groups, times and weights, and what it finds out about the data on its way."""

from __future__ import annotations

import json

import pytest

from autosft.data.arrow import read_data
from autosft.errors import BadInput, RunConflict
from autosft.search.driver import run_search
from autosft.search.events import Noted, Planned
from autosft.search.recognize import recognize
from autosft.testing.toy import make_points

pytestmark = pytest.mark.usefixtures("plugins")


@pytest.fixture
def searched(tmp_path):
    """A function that searches over clouds whose rows were changed: the result, the run's folder, and the events."""

    def search(change, **settings):
        path = make_points(tmp_path / "clouds.points.json", rows=300, seed=1)
        table = json.loads(path.read_text())
        for number, row in enumerate(table["rows"]):
            row.update(change(number, row))
        path.write_text(json.dumps(table))
        events = []
        settings = {"budget": None, "threads": 1, "device": "cpu", "strategies": ["still"], "trials": 1, **settings}
        result = run_search(path, run=tmp_path / "run", callback=events.append, **settings)
        return result, tmp_path / "run", events

    return search


def rows_in(run):
    return read_data(run / "data.arrow").labelled


def test_groups_times_and_weights_reach_the_splits_and_what_is_found_reaches_the_run(searched):
    """Points that wander off as time goes by, of patients in turn, some of them seen twice."""

    def change(number, row):
        far = [*row["x"][:2], row["x"][2] + number / 30, row["x"][3]]
        x = [1.0, 2.0, 3.0, 4.0] if number in (3, 4, 5) else far
        return {"x": x, "patient": f"p{number // 6}", "day": number, "cost": 1.0 + number % 2}

    roles = {"group": "patient", "time": "day", "weight": "cost"}
    result, run, events = searched(change, **roles)

    rows = rows_in(run)
    train, valid, test = (rows.take(rows.split == name) for name in ("train", "valid", "test"))
    assert len(rows) == 300 and result.test is not None
    assert sum(len(set(part.group)) for part in (train, valid, test)) == 50
    assert max(train.time) < min(valid.time) and max(valid.time) < min(test.time)
    assert train.weight.mean() == pytest.approx(1)
    written = json.loads((run / "run.json").read_text())
    (summary,) = [entry.summary for entry in events if isinstance(entry, Planned)]
    assert roles.items() <= written["task"].items() and written["warnings"] == list(summary.warnings)
    assert any("content of one with another target" in warning for warning in written["warnings"])
    assert any(fact.startswith("groups: ") for fact in written["facts"])
    assert result.shift["valid"].interval[0] > 0.55 and result.shift["test"].interval[0] > 0.55
    told = [entry.text for entry in events if isinstance(entry, Noted)]
    assert all(sum(f"the {name} rows are unlike" in text for text in told) == 1 for name in ("validation", "test"))
    with pytest.raises(RunConflict, match="group was 'patient', now ''"):
        searched(change, time="day", weight="cost")


def test_a_column_that_a_task_makes_no_use_of_is_refused(points, tmp_path, registry):
    for data in (recognize(points, registry)[0].task, _task_file(tmp_path, points)):
        with pytest.raises(BadInput, match="makes no use of --group patient") as caught:
            run_search(data, group="patient", run=tmp_path / "run", registry=registry)
        assert 'write group = "patient"' in str(caught.value)


def _task_file(folder, points):
    path = folder / "task.toml"
    path.write_text(
        f'name = "t"\nmodality = "points"\ntargets = [{{problem = "classification"}}]\n[data]\nfile = "{points}"\n',
        encoding="utf-8",
    )
    return path
