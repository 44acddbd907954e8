"""Whole searches with trials that earlier ones teach: by distillation, and by answers to rows without labels."""

import csv

import pytest
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
from autosft.testing.toy import ToyFamily, make_points
from autosft_semisupervised.distillation import Distill
from autosft_semisupervised.selftraining import SelfTraining

INFO = ToyFamily().match("wide")[0]


@pytest.mark.parametrize("strategy", [Distill(), SelfTraining()])
def test_which_problems_can_be_taught_is_seen_by_what_they_offer(strategy):
    assert strategy.accepts(Facts(), INFO, [Classification(), Regression()]) == ""
    assert "transcription cannot" in strategy.accepts(Facts(), INFO, [Classification(), speech.Transcription()])


def teachers(run):
    """Who teaches each trial, by its number, as the study has it."""
    study = Study(sqlite_url(run / "study.db"), "autosft")
    found = {trial.number: trial.teacher for trial in study.trials() if trial.teacher}
    study.close()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["selftraining", "distill"])
def test_taught_trials_go_through_a_whole_search_and_keep_their_teacher_when_it_is_killed(
    strategy, install, killed, tmp_path
):
    install()
    data, folder = make_points(tmp_path / "clouds.points.json", rows=480, seed=1), tmp_path / "run"
    settings = {"strategies": ["toy", strategy], "trials": 6}
    killed(data, folder, at=strategy, after=0.3, **settings)
    before = teachers(folder)
    assert before

    result = run_search(data, run=folder, budget=None, threads=2, workers=2, device="cpu", **settings)

    records = [Record.read(path) for path in sorted(folder.glob("trials/*/record.json"))]
    assert [record.error for record in records if record.error] == [] and sum(result.trials.values()) == 6
    taught = [record for record in records if record.recipe.strategy == strategy]
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


@pytest.mark.slow
def test_who_has_looked_through_encoders_of_others_teaches_and_a_student_does_not(install, few, tmp_path):
    data, more = few
    settings = {"strategies": ["probe", "cotraining", "selftraining"], "trials": 8, "unlabeled": str(more)}
    run_search(data, run=tmp_path / "run", budget=None, threads=2, device="cpu", **settings)

    records = [Record.read(path) for path in sorted((tmp_path / "run").glob("trials/*/record.json"))]
    assert [record.error for record in records if record.error] == []
    taught = [record for record in records if record.recipe.strategy == "selftraining"]
    by = [member.recipe for record in taught for member in record.recipe.teacher]
    assert any(recipe.strategy == "cotraining" and recipe.teacher for recipe in by)
    assert all(recipe.strategy != "selftraining" for recipe in by), "who has been taught teaches nobody"
    assert not any(one.recipe.teacher for recipe in by for one in recipe.teacher), "recipes are finite"
    assert all(record.pseudo_labels and record.unlabeled == 200 for record in taught)
