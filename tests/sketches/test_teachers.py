"""Proves trials that are taught by earlier ones: by distillation, and by labels for rows without."""

import csv

import distillation
import pytest
import selftraining
import speech
import torch

from autosft.builtin.classification import Classification
from autosft.builtin.regression import Regression
from autosft.contracts.facts import Facts
from autosft.contracts.record import Record
from autosft.deploy.member import load_member
from autosft.deploy.predictor import Predictor
from autosft.host.loading import load
from autosft.runs.run import Run
from autosft.search.driver import run_search
from autosft.search.memory.study import Study, sqlite_url
from autosft.testing.conformance import StrategyConformance
from autosft.testing.toy import make_points

NAMES = {"distillation": "distill", "selftraining": "selftraining"}


class TestDistill(StrategyConformance):
    """Among others: killed after every epoch, it ends with the same weights."""

    @pytest.fixture
    def strategy(self):
        return distillation.Distill()


class TestSelfTraining(StrategyConformance):
    """Among others: killed after every epoch, it ends with the same weights."""

    @pytest.fixture
    def strategy(self):
        return selftraining.SelfTraining()


@pytest.mark.parametrize("strategy", [distillation.Distill(), selftraining.SelfTraining()])
def test_which_problems_can_be_taught_is_seen_by_what_they_offer(strategy):
    assert strategy.accepts(Facts(), None, [Classification(), Regression()]) == ""
    assert "transcription cannot" in strategy.accepts(Facts(), None, [Classification(), speech.Transcription()])


def teachers(run):
    """Who teaches each trial, by its number, as the study has it."""
    study = Study(sqlite_url(run / "study.db"), "autosft")
    found = {trial.number: trial.teacher for trial in study.trials() if trial.teacher}
    study.close()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("sketch", NAMES)
def test_taught_trials_go_through_a_whole_search_and_keep_their_teacher_when_it_is_killed(
    sketch, install, killed, tmp_path
):
    install(sketch)
    data, folder = make_points(tmp_path / "clouds.points.json", rows=480, seed=1), tmp_path / "run"
    settings = {"strategies": ["toy", NAMES[sketch]], "trials": 6}
    killed(data, folder, at=NAMES[sketch], after=0.3, **settings)
    before = teachers(folder)
    assert before

    result = run_search(data, run=folder, budget=None, threads=2, workers=2, device="cpu", **settings)

    records = [Record.read(path) for path in sorted(folder.glob("trials/*/record.json"))]
    assert [record.error for record in records if record.error] == [] and sum(result.trials.values()) == 6
    taught = [record for record in records if record.recipe.strategy == NAMES[sketch]]
    assert before.items() <= teachers(folder).items() and {record.number for record in taught} == set(teachers(folder))
    assert all(record.split_score is None for record in taught), "its teacher knows the rows of other folds"
    assert any(record.split_score is not None for record in records)
    by_number = {record.number: record.recipe for record in records}
    for record in taught:
        assert teachers(folder)[record.number] == {one.trial: one.weight for one in record.recipe.teacher}
        assert all(one.recipe == by_number[one.trial] and not one.recipe.teacher for one in record.recipe.teacher)
    run = Run.read(folder)
    kept = [record for record in taught if run.has_model(record.number)]
    assert not list(folder.glob("trials/*/taught"))
    for record in kept:
        parts, _ = load_member(run.trial_folder(record.number), run.document.task, load(), torch.device("cpu"))
        assert parts.recipe == record.recipe
    assert len(Predictor.load(folder).predict(list(run.data.test.ref))) == result.test_rows
    with (folder / "leaderboard.csv").open() as stream:
        assert len(list(csv.DictReader(stream))) == len(records)
