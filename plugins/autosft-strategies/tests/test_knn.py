"""`Knn` keeps the contract for every problem; its votes are scikit-learn's, of dense features and of sparse ones."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from autosft.api import Facts, OutOfTime, Row, Rows
from autosft.api.tensors import encode
from autosft.builtin.classification import Classification
from autosft.builtin.multilabel import MultiLabel
from autosft.builtin.regression import Regression
from autosft.testing.conformance import StrategyConformance
from autosft.testing.toy import ToyFamily, make_points, registry
from autosft.testing.trials import make_runtime, make_trial, points_task, quick_recipe
from autosft.training.model import build_model
from autosft_strategies.knn import Knn, fit_neighbors
from autosft_strategies.neighbors import Neighbors


class TestKnn(StrategyConformance):
    @pytest.fixture
    def strategy(self):
        return Knn()

    @pytest.fixture(params=[Classification, MultiLabel, Regression], ids=lambda problem: problem.name)
    def problems(self, request):
        return [request.param()]


@pytest.fixture
def table():
    """Features of 60 rows and of 20 more, with the class and two numbers of each of the 60; mostly zeros."""
    draw = np.random.default_rng(0)
    features = (draw.random((80, 30)) * (draw.random((80, 30)) < 0.2)).astype(np.float32)
    features[:, 0] += 0.1  # none is empty
    return features[:60], features[60:], draw.integers(0, 4, 60), draw.normal(size=(60, 2)).astype(np.float32)


def answers(kept, queries, k, temperature):
    for name, value in {"k": k, "temperature": temperature, "scale": 2.0, "shift": -1.0}.items():
        getattr(kept, name).fill_(value)
    return ((kept({"pooled": queries}) + 1.0) / 2.0).numpy()


def weigher(temperature):
    return lambda distances: np.exp((1 - distances) / temperature)


@pytest.mark.parametrize(("k", "temperature"), [(1, 0.1), (7, 0.1), (20, 0.5)])
def test_votes_are_those_of_scikit_learn_on_centered_features(table, k, temperature):
    features, queries, classes, numbers = table
    mean = features.mean(0)
    settings = {"n_neighbors": k, "metric": "cosine", "weights": weigher(temperature)}
    for targets, model in ((classes, KNeighborsClassifier(**settings)), (numbers, KNeighborsRegressor(**settings))):
        model.fit(features - mean, targets)
        expected = model.predict_proba(queries - mean) if targets is classes else model.predict(queries - mean)
        kept = Neighbors.of(torch.tensor(features), torch.tensor(targets), torch.ones(60), expected.shape[1])
        np.testing.assert_allclose(answers(kept, torch.tensor(queries), k, temperature), expected, atol=1e-4)


def sparse(array):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support")
        return torch.from_numpy(array).to_sparse_csr()


def test_sparse_features_stay_sparse_and_are_compared_as_they_are(table):
    features, queries, classes, _ = table
    kept = Neighbors.of(sparse(features), torch.tensor(classes), torch.ones(60), 4)
    assert kept.keys.numel() == (features != 0).sum()
    model = KNeighborsClassifier(n_neighbors=7, metric="cosine", weights=weigher(0.2)).fit(features, classes)
    np.testing.assert_allclose(answers(kept, sparse(queries), 7, 0.2), model.predict_proba(queries), atol=1e-4)


def test_a_row_without_weight_or_of_an_unknown_class_has_no_vote(table):
    features, queries, classes, _ = map(torch.tensor, table)
    some = torch.arange(60) < 40
    expected = answers(Neighbors.of(features, classes, some.float(), 4), queries, 60, 0.3)
    unknown = Neighbors.of(features, torch.where(some, classes, -1), torch.ones(60), 4)
    np.testing.assert_allclose(answers(unknown, queries, 60, 0.3), expected, atol=1e-6)
    one = np.asarray([(classes[:40] == number).float().mean() for number in range(4)])
    np.testing.assert_allclose(answers(unknown, queries, 60, 1e6), np.tile(one, (20, 1)), atol=1e-4)


@pytest.fixture
def trial(tmp_path):
    task = points_task(make_points(tmp_path / "clouds.points.json", rows=80))
    return make_trial(tmp_path / "trial", task, registry(Classification()), quick_recipe("knn"))


@pytest.fixture
def runtime(trial):
    return make_runtime(trial)


def test_one_row_per_class_is_enough(trial, runtime):
    labels = trial.train.target(0)
    few = trial.train.take([labels.index(label) for label in sorted(set(labels))])
    trial = replace(trial, train=few)
    model = build_model(trial.parts, runtime)
    fit_neighbors(trial, runtime, model)
    with torch.inference_mode():
        out = model.heads[0]({"pooled": encode(trial.parts, runtime, model.encoder, few)})
    assert out.argmax(1).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("group", "sure"), [(lambda n: "", True), (lambda n: f"g{n // 2}", False), (lambda n: "all", True)]
)
def test_copies_in_groups_do_not_choose_for_each_other_unless_there_is_one_group(trial, runtime, group, sure):
    draw = np.random.default_rng(0)
    points, labels = draw.normal(size=(60, 4)).tolist(), draw.choice(list("abc"), 60)
    rows = Rows.of(Row(f"r{n}", points[n // 2], (str(labels[n // 2]),), group=group(n)) for n in range(120))
    trial = replace(trial, train=rows)
    model = build_model(trial.parts, runtime)
    fit_neighbors(trial, runtime, model)
    assert (float(model.heads[0].scale) > 3) == sure


def test_without_time_it_stops(trial, runtime):
    model = build_model(trial.parts, runtime)
    encode(trial.parts, runtime, model.encoder, trial.train)
    with pytest.raises(OutOfTime, match="neighbors were sought"):
        fit_neighbors(trial, replace(runtime, seconds_left=lambda: -1.0), model)


class Letters(Classification):
    averages_targets = False


def test_a_problem_whose_targets_cannot_vote_is_declined_by_what_it_says_and_not_by_its_name():
    info = ToyFamily().curated()[0]
    assert Knn().accepts(Facts(), info, [Classification(), Regression()]) == ""
    assert "which is no answer to classification" in Knn().accepts(Facts(), info, [Regression(), Letters()])
