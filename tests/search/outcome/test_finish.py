"""From trained trials to a bundle of several: real trials of encoders that each see half of what there is to see."""

from __future__ import annotations

import dataclasses
import itertools
import json
import uuid
from typing import ClassVar

import pytest
import torch

from autosft.contracts.backbone import BackboneInfo, Inputs
from autosft.contracts.executor import Order
from autosft.contracts.facts import Facts
from autosft.contracts.outputs import TEST_OUTPUTS, StoredOutputs
from autosft.contracts.record import Record, Result
from autosft.data.splits import subset
from autosft.deploy.bundle import Bundle
from autosft.deploy.member import load_member, save_member
from autosft.deploy.predictor import Predictor
from autosft.errors import CannotWrite
from autosft.host.registry import Plugin
from autosft.search.events import Noted
from autosft.search.memory.sampler import Sampler
from autosft.search.memory.study import Study, sqlite_url
from autosft.search.memory.trials import Trials
from autosft.search.outcome.disk import Disk
from autosft.search.outcome.finish import finish
from autosft.search.policy.budget import Estimates
from autosft.search.policy.clock import Clock
from autosft.search.space import relative_cost_of, whole_space_of
from autosft.testing import toy
from autosft.testing.toy_encoder import ToyEncoder
from autosft.workers.test_split import score_on_test
from autosft.workers.worker import Worker

SEEN = {"blind/first": 0, "blind/second": 1}
WELL_TAUGHT = {"toy.optim.lr": 0.05, "toy.optim.head_lr": 0.2, "optim.batch_size": 16, "toy.stop.max_epochs": 8}
FACTS = Facts(train=720, valid=360, test=360)


class HalfBlind(ToyEncoder):
    """Sees one number of a point."""

    def __init__(self, number):
        super().__init__(1, 16, "tanh")
        self.number = number

    def forward(self, inputs):
        return super().forward(inputs[:, self.number : self.number + 1])


class Blind(toy.ToyFamily):
    prefix = "blind"
    space: ClassVar = {}

    def curated(self):
        points = Inputs(kind="points")
        return [BackboneInfo(name=name, inputs=points, arguments={"number": seen}) for name, seen in SEEN.items()]

    def build(self, info, recipe, state, weights):
        return HalfBlind(info.arguments["number"])


@pytest.fixture(scope="module")
def points(tmp_path_factory):
    """Four clouds on the axes, in splits that are given: each axis tells two of them from all others."""
    path = toy.make_points(tmp_path_factory.mktemp("data") / "axes.points.json", rows=1440, classes=4, seed=1)
    table = json.loads(path.read_text())
    for number, row in enumerate(table["rows"]):
        row["split"] = ("train", "train", "valid", "test")[number // 4 % 4]
    path.write_text(json.dumps(table))
    return path


@pytest.fixture(scope="module")
def without_splits(points, tmp_path_factory):
    table = json.loads(points.read_text())
    rows = [{key: value for key, value in row.items() if key != "split"} for row in table["rows"][:240]]
    path = tmp_path_factory.mktemp("data") / "axes.points.json"
    path.write_text(json.dumps({"rows": rows, "unlabeled": []}))
    return path


@pytest.fixture
def registry(registry):
    return dataclasses.replace(registry, backbones={"blind": Blind()})


class Search:
    """A run whose trials are trained in this process."""

    def __init__(self, run, registry, plan):
        self.run, self.registry, self._plan = run, registry, plan
        self._worker = Worker(registry, "cpu")
        self.trials = Trials(Study(sqlite_url(run.folder / "study.db"), "autosft"), Sampler(0), 0)
        self.events, self.worked = [], []

    def train(self, backbone):
        params = {"backbone": backbone, "strategy": "toy", **WELL_TAUGHT}
        space = whole_space_of(self.run.document.task, self.registry, self._plan, params)
        number = self.trials.start(params, {name: space[name] for name in params})
        record = self.work(
            Order(
                run=str(self.run.folder),
                trial=number,
                token=uuid.uuid4().hex,
                recipe=self.trials.recipe(number),
                seconds=None,
            )
        )
        self.trials.note(record)
        record.write(self.run.trial_folder(number) / "record.json")
        return record

    def work(self, order):
        record = self._worker.work(order, lambda epoch: None)
        self.worked.append((order.work, record))
        assert record.state == "done", record.error
        return record

    def finish(self, **settings):
        relative_cost = relative_cost_of(self.run.document.task, self.registry, self._plan)
        estimates = Estimates(self._plan, self.trials.known, None, relative_cost)
        given = {"interrupted": lambda: False, **settings}
        callback, clock = self.events.append, Clock(None)
        return finish(self.run, self.registry, self.trials, estimates, clock, self.work, callback, {}, **given)

    @property
    def said(self):
        return [events.text for events in self.events if isinstance(events, Noted)]


@pytest.fixture
def search(tmp_path, make_run, registry, plan):
    """A function that makes a run with two trials that complete each other."""
    runs = []

    def make(backbones_to_train=tuple(SEEN), **settings):
        runs.append(make_run(tmp_path / f"run-{len(runs)}", **settings))
        made = Search(runs[-1], registry, plan.model_copy(update={"facts": FACTS}))
        for backbone in backbones_to_train:
            made.train(backbone)
        return made

    yield make
    for run in runs:
        run.close()


def accuracy(answers, rows):
    return sum(answer == target for answer, target in zip(answers, rows.target(0), strict=True)) / len(rows)


def test_a_trial_leaves_what_it_answered_and_it_is_kept_without_the_model(search):
    made = search()
    folder = made.run.trial_folder(1)
    valid = made.run.data.valid
    stored = StoredOutputs.read(folder, valid.columns)
    problem = made.registry.problem("classification")

    score = problem.score("accuracy", stored.outputs[0], valid.target(0), stored.states[0])

    assert list(stored.rows.id) == list(valid.id)
    assert score == made.trials.ended[1].score
    made.run.drop_model(1)
    assert not made.run.has_model(1) and len(StoredOutputs.read(folder, valid.columns).rows) == len(valid)


def test_trials_that_complete_each_other_are_bundled_and_predict_as_the_ensemble_scored(search):
    made = search()

    result = made.finish()

    assert {record.number for record in result.best} == {0, 1} and sum(result.weights) == pytest.approx(1.0)
    assert result.valid > max(record.score for record in made.trials.ended) + 0.1
    assert result == Result.read(made.run.folder / "result.json") and not result.refitted
    predictor = Predictor.load(made.run.folder, registry=made.registry)
    for rows, score in ((made.run.data.valid, result.valid), (made.run.data.test, result.test)):
        assert accuracy(predictor.predict(list(rows.ref)), rows) == score
    assert "an ensemble of 2 models" in made.said[-1] and "times as long" in made.said[-1]


@pytest.mark.parametrize(("spec", "interrupted"), [({"single": True}, False), ({}, True)])
def test_one_model_is_taken_if_asked_for_or_interrupted(search, spec, interrupted):
    result = search(**spec).finish(interrupted=lambda: interrupted)

    assert len(result.best) == 1 and result.weights == (1.0,) and result.interrupted == interrupted


def test_a_bundle_names_the_packages_that_it_needs_and_no_other(search):
    made = search()
    plugins = (
        Plugin("autosft", "1.0", "builtin", "b", parts=("problem classification", "problem regression")),
        Plugin("autosft-toy", "2.0", "toy", "t", parts=("modality points", "backbone blind", "strategy toy")),
        Plugin("autosft-other", "3.0", "other", "o", parts=("strategy other", "backbone toy")),
        Plugin("autosft-broken", "4.0", "broken", "k", status="failed", parts=("strategy toy",)),
    )
    made.registry = dataclasses.replace(made.registry, plugins=plugins)

    made.finish()

    bundle = Bundle.read(made.run.folder / "best" / "bundle.json")
    assert bundle.distributions == {"autosft": "1.0", "autosft-toy": "2.0"}
    assert "pip install autosft autosft-toy\n" in (made.run.folder / "best" / "README.md").read_text()


def test_who_interrupts_the_end_waits_for_no_training_on_all_rows(search, without_splits, task):
    drawn = task.model_copy(update={"data": {**task.data, "file": str(without_splits)}})
    asked = itertools.chain([False, False], itertools.repeat(True))
    assert search(task=drawn).finish().refitted

    made = search(task=drawn)
    result = made.finish(interrupted=lambda: next(asked))

    assert result.interrupted and not result.refitted and result.test is not None
    assert "refit" not in [work for work, _ in made.worked]


def test_finishing_again_after_a_kill_comes_to_the_same(search):
    made = search()
    first = made.finish()
    (made.run.folder / "result.json").unlink()

    again = made.finish()

    assert (again.weights, again.valid, again.test) == (first.weights, first.valid, first.test)


def test_of_the_test_rows_so_many_are_scored_as_there_is_time_for(search, monkeypatch):
    made = search()
    made.finish()
    monkeypatch.setattr("autosft.workers.test_split.PORTION", 16)
    left = itertools.chain([60.0], itertools.repeat(-1.0))

    told = score_on_test(made.run, made.registry, torch.device("cpu"), 0, lambda: next(left))

    some = subset(made.run.data.test, 32)
    predictor = Predictor.load(made.run.folder, registry=made.registry)
    assert told["rows"] == 32 and told["score"] == accuracy(predictor.predict(list(some.ref)), some)
    assert told["interval"][0] <= told["score"] <= told["interval"][1]


def test_what_the_model_answered_to_test_rows_is_kept_and_gives_the_test_score(search):
    made = search()

    result = made.finish()

    kept = StoredOutputs.read(made.run.folder / TEST_OUTPUTS, made.run.data.test.columns)
    problem = made.registry.problem("classification")
    assert len(kept.rows) == result.test_rows and set(kept.rows.split) == {"test"}
    assert problem.score("accuracy", kept.outputs[0], kept.rows.target(0), kept.states[0]) == result.test


def test_answers_to_test_rows_that_would_take_too_much_are_not_kept_and_it_says_so(search, monkeypatch):
    made = search()
    made.finish()
    monkeypatch.setattr("autosft.workers.test_split.OUTPUTS_FRACTION", 0.0)

    result = made.finish()

    assert result.test is not None and not StoredOutputs.is_there(made.run.folder / TEST_OUTPUTS)
    assert any("the answers to the test rows are not kept for reports: 0 MB" in text for text in made.said)


def test_a_full_disk_costs_the_kept_answers_and_not_the_score(search, monkeypatch):
    made = search()

    def full(self, folder):
        raise CannotWrite(f"{folder}: the disk is full.")

    made.finish()
    monkeypatch.setattr(StoredOutputs, "write", full)
    result = made.finish()

    assert result.test is not None and any("not kept for reports" in text for text in made.said)


def test_a_result_says_of_how_many_test_rows_its_score_is(search, monkeypatch):
    made = search()
    work = made.work
    monkeypatch.setattr(made, "work", lambda order: work(order).model_copy(update={"rows": 32}))

    result = made.finish()

    assert result.test_rows == 32 and "32 of 360 test rows are scored; there was no time for more" in made.said


def test_a_damaged_model_is_not_taken_and_named(search):
    made = search()
    path = made.run.trial_folder(0) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"!")

    result = made.finish()

    assert [record.number for record in result.best] == [1]
    assert any("trial 0" in text and "model.safetensors: damaged" in text for text in made.said)


def test_damaged_outputs_cost_the_ensemble_and_are_named(search):
    made = search()
    path = made.run.trial_folder(0) / "outputs.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"!")

    assert len(made.finish().best) == 1
    assert any("trial 0 has no part in an ensemble" in text and "damaged" in text for text in made.said)


def test_every_member_is_trained_again_on_all_rows_and_taken_unless_it_recalls_them_worse(search, without_splits, task):
    data = {**task.data, "file": str(without_splits)}
    made = search(task=task.model_copy(update={"data": data}))

    result = made.finish()

    again = {record.number: record.score for work, record in made.worked if work == "refit"}
    least = {record.number: record.score - record.score_error for record in made.trials.ended}
    assert set(again) == {0, 1} == {record.number for record in result.best}
    assert set(result.refitted) == {number for number, score in again.items() if score >= least[number]} != set()
    assert result.test > max(record.score for record in made.trials.ended) + 0.1
    assert not list(made.run.folder.glob("trials/*/refit"))  # the bundle has copies of what was taken


def test_a_model_that_recalls_the_rows_clearly_worse_than_its_trial_is_not_taken(
    search, without_splits, task, monkeypatch
):
    made = search(task=task.model_copy(update={"data": {**task.data, "file": str(without_splits)}}))
    work = made.work

    def forgetful(order):
        record = work(order)
        return record.model_copy(update={"score": 0.1}) if order.work == "refit" else record

    monkeypatch.setattr(made, "work", forgetful)

    assert made.finish().refitted == ()


def test_models_are_kept_that_the_ensemble_needs_however_low_they_score(search):
    made = search()
    for _ in range(4):
        made.train("blind/first")
    worst = min(made.trials.ended, key=lambda record: record.score)
    disk = Disk(made.run, made.registry, made.trials, 1e9)

    disk.tidy()

    assert {record.recipe.backbone for record in made.trials.ended if made.run.has_model(record.number)} == set(SEEN)
    assert worst.number not in disk.members or made.run.has_model(worst.number)
    assert all(StoredOutputs.is_there(made.run.trial_folder(record.number)) for record in made.trials.ended)


def test_stored_outputs_have_a_limit_too(search):
    made = search()
    for _ in range(8):
        made.train("blind/first")
    disk = Disk(made.run, made.registry, made.trials, 100_000.0)

    disk.tidy()

    there = [StoredOutputs.is_there(made.run.trial_folder(record.number)) for record in made.trials.ended]
    assert not all(there) and any(there)


@pytest.fixture
def opposite(search, task):
    """A search of two trials of one backbone whose weights are moved away from good ones in opposite directions."""
    made = search(single=True, backbones_to_train=("blind/first", "blind/first"))
    ranked = sorted(made.trials.ended, key=Record.order)
    folders = [made.run.trial_folder(record.number) for record in ranked]
    parts, model = load_member(folders[0], task, made.registry, torch.device("cpu"))
    good = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    draw = torch.Generator().manual_seed(0)
    steps = {name: 0.5 * torch.randn(tensor.shape, generator=draw) for name, tensor in good.items()}
    for folder, sign in zip(folders, (1, -1), strict=True):
        model.load_state_dict({name: tensor + sign * steps[name] for name, tensor in good.items()})
        save_member(folder, parts, model, parts.states)
    return made


def test_trials_of_one_backbone_are_averaged_into_one_model_that_predicts_as_it_scored(opposite):
    result = opposite.finish()

    assert len(result.best) == 1 and set(result.best[0].ingredients) == {0, 1} and not result.refitted
    predictor = Predictor.load(opposite.run.folder, registry=opposite.registry)
    rows = opposite.run.data.valid
    assert accuracy(predictor.predict(list(rows.ref)), rows) == result.valid == result.best[0].score
    assert any("are averaged into one model" in text for text in opposite.said)


def test_trials_of_different_backbones_are_never_averaged(search):
    made = search()

    made.finish()

    assert {work for work, _ in made.worked} == {"train", "test"}
