"""Who teaches a new trial, who keeps what it needs, and which trial fails if it cannot be had."""

from __future__ import annotations

import math
import uuid
from contextlib import closing

import pytest

from autosft.contracts.executor import Order
from autosft.contracts.facts import Facts
from autosft.contracts.recipe import Recipe
from autosft.contracts.record import Record
from autosft.contracts.space import defaults
from autosft.deploy.bundle import MEMBER, MODEL
from autosft.errors import NoCandidates
from autosft.runs.plan import make_plan, precheck
from autosft.runs.spec import SearchSpec
from autosft.search.memory.sampler import Sampler
from autosft.search.memory.study import Study, sqlite_url
from autosft.search.memory.trials import Trials
from autosft.search.orders.retries import to_quarantine
from autosft.search.outcome.disk import KEPT_MODELS, Disk
from autosft.search.policy.budget import Estimates
from autosft.search.policy.proposals import MOST_LESSONS, Proposals
from autosft.search.policy.scheduler import Scheduler
from autosft.search.space import content_of, whole_space_of
from autosft.search.teachers import MOST_TEACHERS, Teachers
from autosft.testing.toy import ToyStrategy
from autosft.workers.worker import Worker
from autosft_strategies.cotraining import CoTraining
from autosft_strategies.probe import Probe


class Pupil(ToyStrategy):
    """Asks its teacher, and goes its own way."""

    name, wants = "pupil", frozenset({"teacher"})

    def stages(self, trial, runtime, model):
        from autosft.training.teacher import Teacher

        (answers,) = Teacher(trial, runtime).answers(trial.unlabeled)
        assert len(answers.arrays["probabilities"]) == len(trial.unlabeled)
        return super().stages(trial, runtime, model)


class Search:
    """A run whose trials are trained in this process."""

    def __init__(self, run, registry):
        self.run, self.registry = run, registry
        self.task, self.plan = run.document.task, run.document.plan
        self._worker = Worker(registry, "cpu")
        self.open()

    def open(self):
        self._sampler = Sampler(0)
        self.trials = Trials(Study(sqlite_url(self.run.folder / "study.db"), "autosft"), self._sampler, 0)
        self.teachers = Teachers(self.run, self.registry, self.trials)

    def scheduler(self):
        proposals = Proposals(self.task, self.registry, self.plan, self._sampler)
        return Scheduler(self.trials, proposals, None, self.teachers.of)

    def next(self):
        estimates = Estimates(self.plan, self.trials.known, None, lambda recipe: 1.0)
        return self.scheduler().next(estimates, (), used=0.0, left=math.inf).number

    def begin(self, strategy, backbone="tiny/wide", **more):
        params = {"backbone": backbone, "strategy": strategy}
        space = whole_space_of(self.task, self.registry, self.plan, params)
        rates = {f"{strategy}.optim.lr": 0.05, f"{strategy}.optim.head_lr": 0.2}
        params = {**defaults(space), **params, **{name: rate for name, rate in rates.items() if name in space}}
        return self.trials.start({**params, **more}, space, self.teachers.of(strategy, backbone))

    def work(self, number):
        record = self.work_on(number)
        self.trials.note(record)
        return record

    def work_on(self, number, **more):
        recipe, token = self.trials.recipe(number), uuid.uuid4().hex
        order = Order(run=str(self.run.folder), trial=number, token=token, recipe=recipe, seconds=None, **more)
        return self._worker.work(order, lambda epoch: None)

    def train(self, strategy, backbone="tiny/wide", **more):
        return self.work(self.begin(strategy, backbone, **more))


@pytest.fixture
def strategies():
    """Beside the toy."""
    return [Pupil()]


@pytest.fixture
def registry(with_parts, strategies):
    return with_parts(strategies={one.name: one for one in strategies})


@pytest.fixture
def plan(task, registry):
    """There are rows without targets."""
    return make_plan(task, registry, precheck(task, registry, SearchSpec()), Facts(unlabeled=20))


@pytest.fixture
def search(make_run, registry, tmp_path):
    with closing(make_run(tmp_path / "run")) as run:
        yield Search(run, registry)


def test_nobody_teaches_before_a_trial_has_left_a_model_and_a_pupil_waits_for_it(search):
    strategies = {search.trials.recipe(search.next()).strategy for _ in range(6)}
    assert search.teachers.of("pupil", "tiny/wide") == {} and strategies == {"toy"}

    assert search.work(0).state == "done"

    while (recipe := search.trials.recipe(search.next())).strategy != "pupil":
        assert search.trials.started < 20
    assert [(one.trial, one.weight, one.recipe) for one in recipe.teacher] == [(0, 1.0, search.trials.recipe(0))]


def test_those_teach_who_would_answer_together_but_for_pupils(search):
    for backbone in ("tiny/wide", "tiny/narrow", "tiny/wide", "tiny/narrow", "tiny/wide"):
        search.train("toy", backbone)
    pupil = search.train("pupil")

    weights = search.teachers.of("pupil", "tiny/wide")
    assert 1 <= len(weights) <= MOST_TEACHERS and pupil.number not in weights
    assert sum(weights.values()) == pytest.approx(1.0) and list(weights.values()) == sorted(
        weights.values(), reverse=True
    )
    assert pupil.state == "done" and not list(search.run.folder.glob("trials/*/taught"))


def test_a_pupil_keeps_its_teacher_through_a_restart_and_another_teacher_is_another_recipe(search):
    search.train("toy")
    number = search.begin("pupil")
    before = search.trials.recipe(number)
    search.trials.close()
    search.open()
    search.train("toy", "tiny/narrow")

    assert search.trials.recipe(number) == before and before.teacher
    assert Recipe.model_validate_json(before.model_dump_json()) == before
    alone = before.changed(teacher=())
    assert content_of(before) != content_of(alone) and content_of(before, cut=True) == content_of(alone, cut=True)
    assert number in search.trials.unfinished


def test_a_pupil_is_tried_again_with_its_defaults_by_other_teachers_and_three_times_at_most(search):
    for _ in range(30):
        search.work(search.next())
    pupils = [record for record in search.trials.ended if record.recipe.strategy == "pupil"]
    first = pupils[0].recipe
    alike = [one.recipe for one in pupils if content_of(one.recipe, cut=True) == content_of(first, cut=True)]
    assert 1 < len(alike) <= MOST_LESSONS
    assert len({content_of(recipe) for recipe in alike}) == len(alike), "by other teachers each time"


@pytest.mark.parametrize("strategies", [[Pupil(), Probe(), CoTraining()]])
def test_who_looked_through_encoders_of_others_may_teach_and_lends_nobody_its_own(search):
    lender = search.train("probe", "tiny/narrow")
    looker = search.train("cotraining", "tiny/wide")
    assert [one.trial for one in looker.recipe.teacher] == [lender.number]

    assert looker.number in search.teachers.of("pupil", "tiny/wide")
    assert looker.number not in search.teachers.of("cotraining", "tiny/narrow")


@pytest.mark.parametrize("strategies", [[Pupil(), Probe(), CoTraining()]])
def test_encoders_that_the_next_trial_would_look_through_stay_on_disk(search):
    lender = search.train("probe", "tiny/narrow")
    for _ in range(KEPT_MODELS + 1):
        search.train("toy", "tiny/wide")
    search.train("probe", "tiny/wide")
    search.trials.ended[0] = lender.model_copy(update={"score": 0.0})

    Disk(search.run, search.registry, search.trials, 1e9).tidy()
    assert search.run.has_model(lender.number)
    assert search.teachers.of("cotraining", "tiny/wide") == {lender.number: 1.0}

    Disk(search.run, search.registry, search.trials, 1.0).tidy()
    assert not search.run.has_model(lender.number), "where room is short it is for what answers"


def test_teachers_stay_on_disk_as_long_as_a_pupil_may_be_trained(search):
    weak = search.train("toy", **{"toy.optim.lr": 1e-3, "toy.optim.head_lr": 1e-2, "toy.stop.max_epochs": 2})
    number = search.begin("pupil")
    for backbone in ("tiny/wide", "tiny/narrow", "tiny/wide", "tiny/narrow", "tiny/wide"):
        search.train("toy", backbone)
    disk = Disk(search.run, search.registry, search.trials, 1.0)

    disk.tidy()
    assert search.run.has_model(weak.number), "a pupil under way needs it"

    search.trials.note(Record(number=number, state="failed", recipe=search.trials.recipe(number)))
    disk.tidy()
    assert not search.run.has_model(weak.number)


def test_a_pupil_is_trained_again_on_all_rows_by_the_same_teacher(search):
    search.train("toy")
    pupil = search.train("pupil")

    again = search.work_on(pupil.number, work="refit", replay=pupil.best)

    assert again.state == "done" and again.recipe == pupil.recipe and not list(search.run.folder.glob("**/taught"))


@pytest.mark.parametrize("harm", ["missing", "damaged"])
def test_a_teacher_that_cannot_be_had_fails_its_pupil_in_one_line_and_nobody_else_is_blamed(search, harm):
    search.train("toy")
    numbers = [search.begin("pupil") for _ in range(3)]
    path = search.run.trial_folder(0) / (MEMBER if harm == "missing" else MODEL)
    path.unlink() if harm == "missing" else path.write_bytes(path.read_bytes()[:-1] + b"\xff")

    failed = [search.work(number) for number in numbers]

    for record in failed:
        assert record.state == "failed" and record.failed_teachers == (0,) and "\n" not in record.error
        assert record.error.startswith("Trial 0, on which this one builds: ") and str(path) in record.error
    assert not to_quarantine(search.trials.ended) and search.teachers.of("pupil", "tiny/wide") == {}
    assert to_quarantine([record.model_copy(update={"failed_teachers": ()}) for record in failed])


def test_encoders_that_nobody_needs_go_when_the_quota_is_used_up(search):
    needed, idle = (Recipe(backbone="tiny/wide", strategy="denoise", seed=seed) for seed in (1, 2))
    for recipe in (needed, idle):
        folder = search.run.start_folder(recipe)
        folder.mkdir(parents=True)
        (folder / MEMBER).write_bytes(b"0" * 1000)
    record = search.train("toy")
    search.trials.ended[0] = record.model_copy(update={"recipe": record.recipe.changed(start=needed)})

    Disk(search.run, search.registry, search.trials, 1e9).tidy()
    assert search.run.has_start(needed) and search.run.has_start(idle)

    Disk(search.run, search.registry, search.trials, 1500.0).tidy()
    assert search.run.has_start(needed) and not search.run.has_start(idle)


def test_where_everybody_wants_to_be_taught_nothing_can_be_tried(task, registry):
    spec = SearchSpec(strategies=("pupil",))
    with pytest.raises(NoCandidates, match="pupil would build on other trials; allow a strategy that needs none"):
        make_plan(task, registry, precheck(task, registry, spec), Facts())
