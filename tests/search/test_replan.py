"""A run that is taken up again where other parts are installed: what was tried stays, what is new joins."""

from __future__ import annotations

import optuna
import pytest

from autosft.contracts.record import Record
from autosft.errors import RunConflict
from autosft.runs.run import Run
from autosft.search.driver import run_search
from autosft.search.events import Noted, TrialStarted
from autosft.search.memory.study import Study, sqlite_url
from autosft.testing import toy

SETTINGS = {"budget": None, "threads": 1, "device": "cpu", "backbones": ["tiny/narrow"]}

PLUGIN = """
from autosft.contracts.space import Float, Int
from autosft.host.hookspecs import hookimpl
from autosft.testing.toy import ToyStrategy

autosft_api = 2

class Late(ToyStrategy.__base__):
    name = "late"
    uses = ToyStrategy.uses
    space = {**ToyStrategy.space, "optim.lr": Float(LOW, 1e-1, default=6e-2, log=True)}
    stages = ToyStrategy.stages

@hookimpl
def autosft_strategies():
    return [Late()]
"""


@pytest.fixture
def late(plugins, tmp_path, monkeypatch):
    """A function that installs a plugin with one more strategy, or takes it away; `low` is its least learning rate."""

    def install(installed, low=1e-3):
        others = toy.all_but("autosft-toy", "late")
        monkeypatch.setenv("AUTOSFT_DISABLE_PLUGINS", others if installed else f"{others},late")
        (plugins / "late.py").write_text(PLUGIN.replace("LOW", str(low)))
        info = plugins / "late-1.0.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: late\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[autosft]\nlate = late\n")
        for name in [name for name in __import__("sys").modules if name == "late"]:
            monkeypatch.delitem(__import__("sys").modules, name)

    return install


def records(folder):
    return {path.parent.name: path.read_bytes() for path in folder.glob("trials/*/record.json")}


def strategies(folder):
    return [Record.model_validate_json(content).recipe.strategy for _, content in sorted(records(folder).items())]


def test_a_new_strategy_joins_and_what_was_tried_stays(points, tmp_path, late):
    late(installed=False)
    run_search(points, trials=2, run=tmp_path / "run", **SETTINGS)
    before, events = records(tmp_path / "run"), []

    late(installed=True)
    result = run_search(points, trials=4, run=tmp_path / "run", callback=events.append, **SETTINGS)

    assert any("new to try: late" in entry.text for entry in events if isinstance(entry, Noted))
    assert sum(result.trials.values()) == 4 and "late" in strategies(tmp_path / "run")
    assert min(entry.number for entry in events if isinstance(entry, TrialStarted)) == 2
    after = records(tmp_path / "run")
    assert {number: after[number] for number in before} == before
    document = Run.read(tmp_path / "run").document
    study = optuna.load_study(study_name=document.study, storage=sqlite_url(tmp_path / "run" / "study.db"))
    assert [trial.number for trial in study.trials] == [0, 1, 2, 3]
    assert result.versions["late"] == "1.0"


def test_a_strategy_that_was_tried_and_is_gone_is_named_and_nothing_changes(points, tmp_path, late):
    late(installed=True)
    run_search(points, trials=3, run=tmp_path / "run", **SETTINGS)
    assert "late" in strategies(tmp_path / "run")
    before = (tmp_path / "run" / "run.json").read_bytes()

    late(installed=False)
    with pytest.raises(RunConflict, match="trials were made with late, which cannot be had any more"):
        run_search(points, trials=6, run=tmp_path / "run", **SETTINGS)

    assert (tmp_path / "run" / "run.json").read_bytes() == before
    late(installed=True)
    assert sum(run_search(points, trials=4, run=tmp_path / "run", **SETTINGS).trials.values()) == 4


@pytest.mark.slow
def test_a_strategy_that_was_never_tried_may_go(points, tmp_path, late):
    late(installed=True)
    run_search(points, trials=1, run=tmp_path / "run", **SETTINGS)
    assert strategies(tmp_path / "run") == ["toy"]
    events = []

    late(installed=False)
    result = run_search(points, trials=3, run=tmp_path / "run", callback=events.append, **SETTINGS)

    assert any("not to be had any more: late" in entry.text for entry in events if isinstance(entry, Noted))
    assert sum(result.trials.values()) == 3 and set(strategies(tmp_path / "run")) == {"toy"}


@pytest.mark.slow
def test_a_range_that_has_changed_applies_to_what_comes(points, tmp_path, late):
    late(installed=True, low=1e-3)
    run_search(points, trials=3, run=tmp_path / "run", **SETTINGS)
    before = records(tmp_path / "run")

    late(installed=True, low=5e-2)
    run_search(points, trials=6, run=tmp_path / "run", **SETTINGS)

    after = records(tmp_path / "run")
    assert {number: after[number] for number in before} == before
    rates = [Record.model_validate_json(after[number]).recipe for number in sorted(after.keys() - before.keys())]
    assert all(recipe.optim.lr >= 5e-2 for recipe in rates if recipe.strategy == "late")
    document = Run.read(tmp_path / "run").document
    study = Study(sqlite_url(tmp_path / "run" / "study.db"), document.study)
    kept = {trial.number: trial.params for trial in study.trials()}
    study.close()
    for number, content in before.items():
        recipe = Record.model_validate_json(content).recipe
        assert kept[int(number)][f"{recipe.strategy}.optim.lr"] == recipe.optim.lr

    again = Run.read(tmp_path / "run").document.generation
    run_search(points, trials=7, run=tmp_path / "run", **SETTINGS)
    assert Run.read(tmp_path / "run").document.generation == again  # carried over once, not at every start


@pytest.mark.slow
def test_what_a_killed_driver_had_carried_over_is_replaced(points, tmp_path, late):
    late(installed=False)
    run_search(points, trials=2, run=tmp_path / "run", **SETTINGS)
    optuna.create_study(study_name="autosft-2", storage=sqlite_url(tmp_path / "run" / "study.db")).optimize(
        lambda trial: trial.suggest_float("x", 0, 1), n_trials=3
    )

    late(installed=True)
    result = run_search(points, trials=4, run=tmp_path / "run", **SETTINGS)

    assert sum(result.trials.values()) == 4
