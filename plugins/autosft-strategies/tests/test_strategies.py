"""Every strategy of this package keeps the contract for every problem, and the probe finds the promised optimum."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import MultiLabelBinarizer

from autosft.api import OutOfTime, Rows
from autosft.api.tensors import encode
from autosft.builtin.classification import Classification
from autosft.builtin.multilabel import MultiLabel
from autosft.builtin.regression import Regression
from autosft.testing.conformance import StrategyConformance
from autosft.testing.toy import make_points, registry
from autosft.testing.trials import make_runtime, make_trial, points_task, quick_recipe
from autosft.training.model import build_model
from autosft_strategies.full import Full
from autosft_strategies.linear import LinearProblem
from autosft_strategies.probe import ENOUGH_ROWS, STRENGTHS, Probe, choose, solve_heads


def slow(problem):
    return pytest.param(problem, marks=pytest.mark.slow)


class OnEveryProblem(StrategyConformance):
    @pytest.fixture(params=[Classification, slow(MultiLabel), slow(Regression)], ids=lambda problem: problem.name)
    def problems(self, request):
        return [request.param()]


class TestProbe(OnEveryProblem):
    @pytest.fixture
    def strategy(self):
        return Probe()


class TestFull(OnEveryProblem):
    @pytest.fixture
    def strategy(self):
        return Full()


@pytest.fixture
def solved(tmp_path):
    """A function from a problem and a strength to points, targets, and the probe's weight and bias for them."""

    def solve(problem, strength, **key):
        task = points_task(make_points(tmp_path / "clouds.points.json", rows=80), problems=[problem.name], **key)
        trial = make_trial(tmp_path / "trial", task, registry(problem), quick_recipe("probe"))
        points = np.stack([trial.parts.modality.read(row) for row in trial.train])
        count, width = points.shape
        head = problem.head({"pooled": width}, trial.parts.states.problems[0], trial.parts.recipe)
        targets = trial.train.target(0)
        linear = LinearProblem(
            trial.parts, make_runtime(trial), 0, head, torch.from_numpy(points), targets, torch.ones(count)
        )
        weight, bias = linear.on(torch.arange(count)).solve(strength, None)
        return points, targets, weight.numpy(), bias.numpy()

    return solve


@pytest.mark.parametrize("strength", [3.0, 0.3])
def test_for_classes_a_solution_of_the_probe_is_scikit_learn_s_logistic_regression(solved, strength):
    points, targets, weight, bias = solved(Classification(), strength)
    count, width = points.shape
    exact = LogisticRegression(C=width / (strength * count), tol=1e-8).fit(points, targets)
    np.testing.assert_allclose(weight, exact.coef_, atol=5e-3)
    np.testing.assert_allclose(bias - bias.mean(), exact.intercept_ - exact.intercept_.mean(), atol=5e-3)


@pytest.mark.parametrize("strength", [3.0, 0.3])
def test_for_several_labels_a_solution_of_the_probe_is_a_logistic_regression_per_label(solved, strength):
    points, targets, weight, bias = solved(MultiLabel(), strength)
    count, width = points.shape
    labels = MultiLabelBinarizer()
    exact = OneVsRestClassifier(LogisticRegression(C=width / (strength * count), tol=1e-8))
    exact.fit(points, labels.fit_transform(targets))
    assert list(labels.classes_) == ["a", "b", "c"]
    np.testing.assert_allclose(weight, np.vstack([one.coef_ for one in exact.estimators_]), atol=5e-3)
    np.testing.assert_allclose(bias, [float(one.intercept_[0]) for one in exact.estimators_], atol=5e-3)


@pytest.mark.parametrize("strength", [3.0, 0.3])
@pytest.mark.parametrize("targets", ["height", ("height", "breadth")], ids=["one", "two"])
def test_for_numbers_a_solution_of_the_probe_is_a_ridge_regression(solved, strength, targets):
    points, numbers, weight, bias = solved(Regression(), strength, targets=[targets])
    count, width = points.shape
    table = np.array(numbers).reshape(count, -1)
    standardized = (table - table.mean(0)) / table.std(0)
    exact = Ridge(alpha=count * strength / (2 * width)).fit(points.astype(np.float64), standardized)
    np.testing.assert_allclose(weight, np.atleast_2d(exact.coef_), atol=2e-3)
    np.testing.assert_allclose(bias, np.ravel(exact.intercept_), atol=2e-3)


def test_a_probe_with_little_time_compares_fewer_penalties_and_one_without_any_stops(tmp_path):
    task = points_task(make_points(tmp_path / "clouds.points.json", rows=80))
    trial = make_trial(tmp_path / "trial", task, registry(Classification()), quick_recipe("probe"))
    runtime = make_runtime(trial)
    model = build_model(trial.parts, runtime)
    encode(trial.parts, runtime, model.encoder, trial.train)  # so that only comparing penalties asks for the time
    left = iter([60.0, -1.0])

    solve_heads(trial, replace(runtime, seconds_left=lambda: next(left)), model)

    assert next(left, None) is None and (model.heads[0].linear.weight != 0).any()
    with pytest.raises(OutOfTime, match="before the probe was fitted"):
        solve_heads(trial, replace(runtime, seconds_left=lambda: -1.0), model)


@pytest.mark.parametrize("columns", [3, 60, 200])
def test_of_more_features_than_rows_a_solution_is_scikit_learn_s_logistic_regression_too(tmp_path, columns):
    draw = np.random.default_rng(0)
    task = points_task(make_points(tmp_path / "clouds.points.json", rows=40))
    trial = make_trial(tmp_path / "trial", task, registry(Classification()), quick_recipe("probe"))
    targets, count = trial.train.target(0), len(trial.train)
    features = draw.normal(size=(count, columns)).astype(np.float32)
    head = trial.parts.problems[0].head({"pooled": columns}, trial.parts.states.problems[0], trial.parts.recipe)
    linear = LinearProblem(
        trial.parts, make_runtime(trial), 0, head, torch.from_numpy(features), targets, torch.ones(count)
    )

    weight, bias = linear.unturned(linear.on(torch.arange(count)).solve(3.0, None))

    exact = LogisticRegression(C=columns / (3.0 * count), tol=1e-8, max_iter=1000).fit(features, targets)
    assert weight.shape == (len(exact.classes_), columns)
    np.testing.assert_allclose(weight, exact.coef_, atol=5e-3)
    np.testing.assert_allclose(bias - bias.mean(), exact.intercept_ - exact.intercept_.mean(), atol=5e-3)


@pytest.mark.parametrize("told, worst", [(0.0, -0.1), (1.0, 0.1)])
def test_a_probe_of_a_few_rows_is_no_worse_than_the_mean_where_features_tell_nothing_and_better_where_they_do(
    tmp_path, told, worst
):
    draw = np.random.default_rng(0)
    task = points_task(make_points(tmp_path / "clouds.points.json", rows=80), problems=["regression"])
    trial = make_trial(tmp_path / "trial", task, registry(Regression()), quick_recipe("probe"))
    features, fresh = draw.normal(size=(len(trial.train), 300)), draw.normal(size=(1000, 300))
    direction = draw.normal(size=(300, 1)) * (np.arange(300) < 5)[:, None] / 5**0.5

    def numbers(rows):
        return told**0.5 * rows @ direction + (1 - told) ** 0.5 * draw.normal(size=(len(rows), 1))

    targets = [*map(float, numbers(features)[:, 0])]
    head = trial.parts.problems[0].head({"pooled": 300}, trial.parts.states.problems[0], trial.parts.recipe)
    weights = torch.ones(len(features))
    tensor = torch.from_numpy(features).float()
    trial = replace(
        trial, train=Rows.of(replace(row, targets=(target,)) for row, target in zip(trial.train, targets, strict=True))
    )
    linear = LinearProblem(trial.parts, make_runtime(trial), 0, head, tensor, targets, weights)
    strength = STRENGTHS[choose(trial, make_runtime(trial), 0, linear, tensor)]
    weight, bias = linear.unturned(linear.on(torch.arange(len(features))).solve(strength, None))

    said = fresh @ weight.numpy().T + bias.numpy()
    truth = trial.parts.problems[0].encode([*map(float, numbers(fresh)[:, 0])], trial.parts.states.problems[0]).numpy()
    explained = 1 - ((truth - said) ** 2).mean() / truth.var()
    assert explained > worst


@pytest.mark.parametrize("rows, chosen", [(ENOUGH_ROWS, 1), (ENOUGH_ROWS - 60, 2)])
def test_with_many_rows_the_penalty_of_the_first_fold_serves_the_others(tmp_path, monkeypatch, rows, chosen):
    task = points_task(make_points(tmp_path / "clouds.points.json", rows=2 * ENOUGH_ROWS))
    trial = make_trial(tmp_path / "trial", task, registry(Classification()), quick_recipe("probe"))
    calls, runtime = [], make_runtime(trial)
    monkeypatch.setattr("autosft_strategies.probe.choose", lambda *given: calls.append(given) or choose(*given))

    for start in (0, 60):
        fold = replace(trial, train=trial.train.take(range(start, start + rows)))
        solve_heads(fold, runtime, build_model(trial.parts, runtime))

    assert len(calls) == chosen
