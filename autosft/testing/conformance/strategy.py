"""What every strategy promises: `StrategyConformance`, and `AnyStrategy`, which pretraining keeps too."""

# ruff: noqa: D102 (the name of a test is its docstring)

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor

from autosft.contracts.facts import Facts
from autosft.contracts.problem import Problem
from autosft.contracts.recipe import SHARED, Recipe
from autosft.contracts.record import Epoch
from autosft.contracts.rows import Rows
from autosft.contracts.state import State
from autosft.contracts.strategy import Strategy, Want
from autosft.contracts.trial import Runtime, Trial
from autosft.errors import Diverged
from autosft.host.loading import load as load_plugins
from autosft.testing.conformance.pairs import check_pair, one_thread
from autosft.testing.conformance.promises import Offline, check_equal, check_light, extremes
from autosft.testing.toy import make_points, registry
from autosft.testing.trials import (
    default_recipe,
    make_runtime,
    make_teacher,
    make_trial,
    pair_trial,
    points_task,
    targets_for,
)
from autosft.training.evaluation import evaluate
from autosft.training.loop import train
from autosft.training.model import build_model
from autosft.training.trained import Trained

REGULARIZERS = {"dropout": 0.4, "label_smoothing": 0.2, "balance": "sampling", "mixup": 0.8, "augment": "strong"}
"""What may mean something to toy points, switched on."""


class Killed(Exception):
    """Ends a trial as a power cut would."""


class AnyStrategy(Offline):
    """Checks what every strategy promises, whatever it leaves: a name, a sound space, light imports. Its fixtures are
    those of `StrategyConformance` and `PretrainingConformance`; a subclass gives `strategy`."""

    @pytest.fixture(autouse=True)
    def one_thread(self) -> Iterator[None]:
        """Equal to the bit holds for one number of threads, and a toy is fastest with one."""
        with one_thread():
            yield

    @pytest.fixture
    def strategy(self) -> Strategy:
        """The strategy to test."""
        raise NotImplementedError("define the fixture `strategy`")

    @pytest.fixture
    def recipe(self, strategy: Strategy) -> Recipe:
        """The recipe; by default what a search would try first, on the wide toy encoder."""
        return default_recipe(strategy, "tiny/wide")

    @pytest.fixture
    def problems(self) -> Sequence[Problem]:
        """What to solve; by default classification."""
        return [load_plugins().problem("classification")]

    @pytest.fixture
    def trial(self, strategy: Strategy, recipe: Recipe, problems: Sequence[Problem], tmp_path: Path) -> Trial:
        """Sixty points of three classes and twenty without; made of the other fixtures."""
        task = points_task(make_points(tmp_path / "data.points.json", rows=60), problems=[p.name for p in problems])
        trial = make_trial(tmp_path / "whole", task, registry(*problems), recipe)
        if strategy.builds_on_trials:
            trial = replace(trial, teacher=make_teacher(trial, tmp_path / "teacher"))
        parts = trial.parts
        facts = Facts(train=len(trial.train), valid=len(trial.valid), unlabeled=len(trial.unlabeled))
        if reason := strategy.accepts(facts, parts.info, parts.problems):
            pytest.fail(f"{strategy.name} does not take {parts.info.name} ({reason}); define `recipe` or `problems`")
        return trial

    @pytest.fixture
    def runtime(self, trial: Trial) -> Runtime:
        """The CPU."""
        return make_runtime(trial)

    def test_it_has_a_name_and_a_space(self, strategy: Strategy) -> None:
        assert strategy.name and "." not in strategy.name and strategy.uses <= set(SHARED)
        assert 0 <= strategy.prior <= 1 and 0 <= strategy.trains <= 1 and strategy.wants <= set(get_args(Want))
        assert strategy.unlabeled_cost >= 0 and ("unlabeled" in strategy.wants or not strategy.unlabeled_cost)
        assert all(name in SHARED for name in strategy.space if "." in name), "a dotted name is a shared field"

    def test_offering_it_imports_nothing_heavy(self, strategy: Strategy) -> None:
        check_light(strategy)


class StrategyConformance(AnyStrategy):
    """Checks, of a strategy that leaves a model, that it learns, that one seed gives one model, also where it is killed
    after every epoch, and that it trains every installed problem, encoder and choice that it does not decline.

    A subclass gives the fixture `strategy`; `recipe` and `problems` where the defaults don't do.

    A check that fails names what would make a trial end in an error, or a search that goes on find another model.
    """

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """A check for each installed problem."""
        if "asked" in metafunc.fixturenames:
            found = load_plugins().problems
            metafunc.parametrize("asked", list(found.values()), ids=list(found))

    def test_it_trains_each_problem_that_it_does_not_decline(
        self, strategy: Strategy, asked: Problem, tmp_path: Path
    ) -> None:
        """On points, with the defaults; the model answers, is saved, and answers the same when it is loaded."""
        targets = targets_for(asked)
        if targets is None or asked.offers("wrap"):
            pytest.skip("its targets are none of the usual ones; `autosft plugins try` trains it on real data")
        trial, reason = pair_trial(tmp_path, asked, targets, strategy)
        if trial is None:
            pytest.skip(f"it declines: {reason}")
        check_pair(trial, strategy, tmp_path / "stored")

    def test_it_trains_or_declines_an_encoder_in_which_nothing_can_be_trained(
        self, strategy: Strategy, problems: Sequence[Problem], tmp_path: Path
    ) -> None:
        """Such as one that counts words."""
        targets = targets_for(problems[0])
        if targets is None or problems[0].offers("wrap"):
            pytest.skip("the targets of the problem are none of the usual ones")
        trial, reason = pair_trial(tmp_path, problems[0], targets, strategy, "shapes/fitted")
        assert isinstance(reason, str), "accepts gives a text: empty, or why not"
        if trial is not None:
            check_pair(trial, strategy, tmp_path / "stored")

    def test_every_choice_of_its_own_can_be_trained(
        self, strategy: Strategy, trial: Trial, runtime: Runtime, tmp_path: Path
    ) -> None:
        own = {name: parameter for name, parameter in strategy.space.items() if "." not in name}
        if not own:
            pytest.skip("it has no parameters of its own")
        stop = trial.parts.recipe.stop.model_copy(update={"max_epochs": 1})
        for name, parameter in own.items():
            for value in extremes(parameter):
                values = {**trial.parts.recipe.of(strategy.name), name: value}
                changed = trial.with_recipe(stop=stop, own={**trial.parts.recipe.own, strategy.name: values})
                with contextlib.suppress(Diverged):  # a search goes on with other values
                    train(replace(changed, folder=tmp_path / f"{name}-{value}"), runtime, strategy)

    def test_it_learns(self, strategy: Strategy, trial: Trial, runtime: Runtime) -> None:
        assert strategy.produces == "model"
        before = evaluate(trial.parts, runtime, build_model(trial.parts, runtime), trial.valid)
        trained = train(trial, runtime, strategy)
        assert trained.evaluation is not None
        assert trained.evaluation.score > before.score

    def test_one_seed_gives_one_model(self, strategy: Strategy, trial: Trial, runtime: Runtime, tmp_path: Path) -> None:
        first = train(trial, runtime, strategy).model
        second = train(replace(trial, folder=tmp_path / "again"), runtime, strategy).model
        check_equal(first, second)

    def test_killed_after_every_epoch_it_ends_with_the_same_weights(
        self, strategy: Strategy, trial: Trial, runtime: Runtime, tmp_path: Path
    ) -> None:
        """Also if it is killed once more when all is trained, before its model is written."""
        whole = train(trial, runtime, strategy)
        trial = replace(trial, folder=tmp_path / "killed")

        def kill(_: Epoch) -> None:
            raise Killed

        for _ in whole.epochs:
            with pytest.raises(Killed):
                train(trial, runtime, strategy, kill)
        for _ in range(2):
            resumed = train(trial, runtime, strategy, kill)
            check_equal(whole.model, resumed.model)
            assert _curve(resumed) == _curve(whole)
            assert resumed.best == whole.best and resumed.trained == whole.trained

    def test_each_regularizer_that_it_uses_changes_what_it_learns(
        self, strategy: Strategy, trial: Trial, runtime: Runtime, tmp_path: Path
    ) -> None:
        def learned(name: str, **changed: Any) -> Mapping[str, Tensor]:
            parts = trial.parts
            regular = parts.recipe.regular.model_copy(update=changed)
            stop = parts.recipe.stop.model_copy(update={"max_epochs": 2})
            recipe = parts.recipe.changed(regular=regular, stop=stop)
            return train(
                replace(trial, parts=replace(parts, recipe=recipe), folder=tmp_path / name), runtime, strategy
            ).model.state_dict()

        ignored = frozenset[str].intersection(*(problem.ignores for problem in trial.parts.problems))
        used = [name for name in REGULARIZERS if f"regular.{name}" in strategy.uses - ignored]
        plain = learned("plain") if used else {}
        for name in used:
            other = learned(name, **{name: REGULARIZERS[name]})
            assert any(not torch.equal(plain[key], other[key]) for key in plain), f"regular.{name} changes nothing"

    def test_a_handful_of_rows_is_enough(
        self, strategy: Strategy, trial: Trial, runtime: Runtime, tmp_path: Path
    ) -> None:
        few = replace(trial, train=trial.train[:7], valid=trial.valid[:3], folder=tmp_path / "few")
        trained = train(few, runtime, strategy)
        assert trained.evaluation is not None and math.isfinite(trained.evaluation.score)

    def test_it_learns_where_half_of_the_rows_lack_one_of_two_targets(
        self, strategy: Strategy, recipe: Recipe, tmp_path: Path
    ) -> None:
        problems = [load_plugins().problem(name) for name in ("classification", "regression")]
        path = make_points(tmp_path / "half.points.json", rows=60, missing=["height"])
        task = points_task(path, problems=["classification", "regression"])
        unmixed = recipe.regular.model_copy(update={"mixup": 0.0, "cutmix": 0.0})
        trial = make_trial(tmp_path / "half", task, registry(*problems), recipe.changed(regular=unmixed))
        counts = tuple(len(trial.train.with_target(position)) for position in range(2))
        facts = Facts(train=len(trial.train), valid=len(trial.valid), unlabeled=len(trial.unlabeled), targets=counts)
        if reason := strategy.accepts(facts, trial.parts.info, trial.parts.problems):
            pytest.skip(f"it does not take such rows: {reason}")
        if strategy.builds_on_trials:
            trial = replace(trial, teacher=make_teacher(trial, tmp_path / "teacher"))
        runtime = make_runtime(trial)
        before = evaluate(trial.parts, runtime, build_model(trial.parts, runtime), trial.valid)
        trained = train(trial, replace(runtime, micro_batch=5), strategy)
        assert trained.evaluation is not None and trained.evaluation.score > before.score

    def test_a_problem_is_given_the_recipe_of_its_target(
        self, strategy: Strategy, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        problem = load_plugins().problem("classification")
        path = make_points(tmp_path / "two.points.json", rows=60)
        task = points_task(path, problems=[problem.name, problem.name], targets=["label", "side"])
        own = {f"{problem.name}.label": {"loss": "cross_entropy"}, f"{problem.name}.side": {"loss": "focal"}}
        trial = make_trial(tmp_path / "two", task, registry(problem), recipe.changed(own={**recipe.own, **own}))
        if strategy.builds_on_trials:
            trial = replace(trial, teacher=make_teacher(trial, tmp_path / "teacher"))
        facts = Facts(train=len(trial.train), valid=len(trial.valid), unlabeled=len(trial.unlabeled))
        if reason := strategy.accepts(facts, trial.parts.info, trial.parts.problems):
            pytest.skip(f"it does not take two targets: {reason}")
        given: set[Any] = set()
        loss = problem.loss

        def noted(out: Any, targets: Any, state: State, recipe: Recipe) -> Tensor:
            given.add(recipe.of(problem.name).get("loss"))
            return loss(out, targets, state, recipe)

        monkeypatch.setattr(problem, "loss", noted)
        train(trial, make_runtime(trial), strategy)
        assert None not in given, "give a problem the recipe of its target, of Parts.recipes"

    def test_saved_weights_give_the_same_answers(self, strategy: Strategy, trial: Trial, runtime: Runtime) -> None:
        trained = train(trial, runtime, strategy)
        saved = save({name: tensor.contiguous() for name, tensor in trained.model.state_dict().items()})
        fresh = build_model(trial.parts, runtime)
        strategy.restore(fresh, load(saved))
        before, after = (
            evaluate(trial.parts, runtime, trained.model, trial.valid),
            evaluate(trial.parts, runtime, fresh, trial.valid),
        )
        for one, other in zip(before.outputs, after.outputs, strict=True):
            assert all((one.arrays[name] == other.arrays[name]).all() for name in one.arrays)
            assert one.items == other.items

    def test_a_cheap_strategy_leaves_the_encoder_alone(
        self, strategy: Strategy, trial: Trial, runtime: Runtime
    ) -> None:
        if not strategy.cheap:
            pytest.skip("it does not say so")
        check_equal(train(trial, runtime, strategy).model.encoder, build_model(trial.parts, runtime).encoder)

    def test_it_trains_again_on_all_rows(
        self, strategy: Strategy, trial: Trial, runtime: Runtime, tmp_path: Path
    ) -> None:
        best = train(trial, runtime, strategy).best
        rows = trial.train + trial.valid
        trial = replace(trial, train=rows, valid=Rows.of(()), folder=tmp_path / "again", replay=best)
        again = train(trial, runtime, strategy)
        assert again.evaluation is None and again.best == best

    def test_it_can_work_in_smaller_portions(
        self, strategy: Strategy, trial: Trial, runtime: Runtime, tmp_path: Path
    ) -> None:
        whole = train(trial, runtime, strategy)
        parts = train(replace(trial, folder=tmp_path / "parts"), replace(runtime, micro_batch=5), strategy)
        assert parts.evaluation is not None and bool(parts.epochs) == bool(whole.epochs)
        if whole.epochs and parts.notes == whole.notes:  # the parts add up to a batch, but for what was drawn at random
            assert parts.epochs[0].loss == pytest.approx(whole.epochs[0].loss, rel=0.1)


def _curve(trained: Trained) -> list[tuple[float, float | None]]:
    return [(epoch.loss, epoch.score) for epoch in trained.epochs]
