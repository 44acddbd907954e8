"""Parameters that a user sets are in no trial sampled otherwise; what means nothing is refused before rows are read."""

from __future__ import annotations

from typing import ClassVar

import pytest

from autosft.builtin.classification import Classification
from autosft.contracts.facts import Facts
from autosft.contracts.recipe import SHARED
from autosft.contracts.record import Record
from autosft.contracts.settings import parse_settings
from autosft.contracts.space import Choice, Float, Int
from autosft.contracts.strategy import Strategy
from autosft.contracts.task import TaskTarget
from autosft.errors import BadInput, RunConflict, UnknownName
from autosft.runs.plan import make_plan, precheck
from autosft.runs.run import Run
from autosft.runs.spec import SearchSpec
from autosft.search.driver import run_search
from autosft.search.space import check_used, space_of
from autosft.testing.toy import ToyFamily, ToyModality, ToyStrategy


class Plain(Strategy):
    """Trains by the shared ranges, and has a parameter of its own."""

    name, uses = "plain", frozenset(SHARED)
    space: ClassVar = {"strength": Float(0.0, 1.0, default=0.5), "stop.max_epochs": Int(2, 6, default=4)}
    stages = None


class Slow(ToyFamily):
    """Its encoders learn slowly."""

    rate = 0.1


@pytest.fixture
def planned(task, with_parts):
    """A function that plans a search with settings; a plan, and the space of each strategy."""

    def make(*texts, task=task, parts=None, **settings):
        registry = parts or with_parts(strategies={"plain": Plain()})
        spec = SearchSpec(settings=parse_settings(texts), **settings)
        plan = make_plan(task, registry, precheck(task, registry, spec), Facts())
        check_used(task, registry, plan)
        return {name: space_of(task, registry, plan, "tiny/wide", name) for name in plan.candidates[0].strategies}

    return make


def test_a_shared_field_is_set_for_all_strategies(planned):
    spaces = planned("lr=2e-3", "max_epochs=5..8", "batch_size=16,64")

    assert spaces["plain"]["optim.lr"] == Float(2e-3, 2e-3, default=2e-3, log=True)
    assert spaces["toy"]["toy.optim.lr"] == Float(2e-3, 2e-3, default=2e-3, log=True)
    assert spaces["plain"]["plain.stop.max_epochs"] == Int(5, 6, default=5)
    assert spaces["toy"]["toy.stop.max_epochs"] == Int(5, 8, default=5)
    assert spaces["plain"]["optim.batch_size"] == Choice((16, 64))


def test_a_field_is_set_for_one_strategy_and_that_counts_before_the_shared_one(planned):
    spaces = planned("plain.lr=1e-4", "lr=3e-3")

    assert "optim.lr" not in spaces["plain"]  # one name of the study has one meaning
    assert spaces["plain"]["plain.optim.lr"] == Float(1e-4, 1e-4, default=1e-4, log=True)
    assert spaces["toy"]["toy.optim.lr"].low == 3e-3
    assert planned("plain.optim.lr=1e-4")["plain"]["plain.optim.lr"].high == 1e-4


def test_parameters_of_parts_are_set_by_the_names_of_the_parts(planned):
    space = planned(
        "plain.strength=0.25", "classification.loss=focal", "tiny.activation=relu", "points.noise=0.02..0.3"
    )

    assert space["plain"]["plain.strength"].low == space["plain"]["plain.strength"].high == 0.25
    assert space["plain"]["classification.loss"] == Choice(("focal",))
    assert space["toy"]["tiny.activation"] == Choice(("relu",))
    assert space["plain"]["points.noise"] == Float(0.02, 0.3, default=0.1, log=True)


def test_a_learning_rate_is_what_the_encoder_learns_at_whatever_the_family_scales(planned, with_parts):
    parts = with_parts(strategies={"plain": Plain()}, backbones={"tiny": Slow()})

    spaces = planned("lr=1e-4", parts=parts)

    assert spaces["plain"]["tiny.optim.lr"].low == spaces["plain"]["tiny.optim.lr"].high == 1e-4


def test_a_problem_is_set_for_all_of_its_targets_or_for_one(planned, task):
    targets = tuple(TaskTarget(name=name, problem="classification", columns="label") for name in ("one", "two"))
    asked = task.model_copy(update={"targets": targets})

    spaces = planned("classification.loss=focal", "classification.two.loss=cross_entropy", task=asked)

    assert spaces["toy"]["classification.one.loss"] == Choice(("focal",))
    assert spaces["toy"]["classification.two.loss"] == Choice(("cross_entropy",))


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("clasification.loss=focal", UnknownName, "Unknown part 'clasification'. Did you mean 'classification'"),
        ("classification.los=focal", UnknownName, "Unknown parameter of classification 'los'. Did you mean 'loss'"),
        ("classification.loss=focl", BadInput, "did you mean 'focal'"),
        ("plain.strength=2", BadInput, "2 is out of range. Allowed: 0 to 1"),
        ("plain.max_epochs=30", BadInput, "30 is out of range. Allowed: 2 to 6"),
        ("max_epochs=1", BadInput, "1 is out of range. Allowed: 2 to 8 or 2 to 6"),
        ("optim.rate=1", UnknownName, "Unknown parameter of optim 'rate'"),
        ("plain.optim.rate=1", UnknownName, "Unknown parameter of plain.optim 'rate'"),
        ("tiny.depth=1", UnknownName, "parameter of tiny 'depth'"),
    ],
)
def test_what_there_is_not_is_one_line_with_the_nearest_name(planned, text, error, said):
    with pytest.raises(error, match=said) as caught:
        planned(text)

    assert "\n" not in str(caught.value)


def test_a_part_that_takes_no_part_in_the_search_is_refused(planned):
    with pytest.raises(BadInput, match=r"Settings of plain: it takes no part in this search\. What does: .*toy"):
        planned("plain.strength=0.5", strategies=("toy",))
    with pytest.raises(BadInput, match=r"Setting optim\.clip=0: no strategy of this search uses it \(toy\)"):
        planned("clip=0", strategies=("toy",))


def test_a_parameter_that_means_nothing_for_the_metric_is_refused(planned):
    assert Classification().ignores_for("accuracy") >= {"regular.balance"}

    with pytest.raises(BadInput, match=r"Setting regular\.balance=loss: the parameter means nothing for these data"):
        planned("balance=loss")


def test_settings_go_through_a_whole_search_and_hold_when_it_goes_on(plugins, points, tmp_path):
    asked = {"settings": {"classification.loss": "focal", "max_epochs": 3, "toy.lr": "1e-3..5e-3"}}
    common = {"budget": None, "threads": 1, "device": "cpu", "strategies": ("toy",), "run": tmp_path / "run"}
    run_search(points, trials=2, **common, **asked)
    run_search(points, trials=4, **common, settings=["max_epochs=3", "toy.lr=1e-3..5e-3", "classification.loss=focal"])

    records = [Record.read(path) for path in sorted((tmp_path / "run").glob("trials/*/record.json"))]
    recipes = [record.recipe for record in records]
    assert len(recipes) == 4 and {recipe.stop.max_epochs for recipe in recipes} == {3}
    assert {recipe.of("classification")["loss"] for recipe in recipes} == {"focal"}
    assert all(1e-3 <= recipe.optim.lr <= 5e-3 for recipe in recipes) and len({one.optim.lr for one in recipes}) > 1
    document = Run.read(tmp_path / "run").document
    assert document.spec.settings == {
        "classification": {"loss": "focal"},
        "stop": {"max_epochs": "3"},
        "toy": {"lr": "1e-3..5e-3"},
    }
    with pytest.raises(
        RunConflict, match=r"settings was 'classification\.loss=focal, stop\.max_epochs=3, toy\.lr=.*now ''"
    ):
        run_search(points, trials=4, **common)


def test_every_parameter_of_the_toy_says_what_it_is():
    spaces = (SHARED, ToyModality.augmentation, ToyFamily.space, ToyStrategy.space, Classification.space)

    assert all(parameter.doc for space in spaces for parameter in space.values())
