"""Is the probe's head as fast as scikit-learn's logistic regression, for the same loss?

Features are made up: dense ones with a falling spectrum, sparse ones as TF-IDF of words that follow Zipf's law, some of
which are more frequent in a class. Side by side, in turn, so many times each: one fit of the head under a penalty, and
scikit-learn's under the same; and the choice of the penalty by the probe, beside LogisticRegressionCV over as many
penalties in as many folds. Wall-clock seconds, the median; the ratio of the mean losses with the penalty says that both
have found the same.

    python benchmarks/heads.py --repeats 3
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV

from autosft.builtin.classification import Classification
from autosft.contracts.rows import Row, Rows
from autosft.contracts.tensors import LinearHead
from autosft.contracts.trial import Runtime, Trial
from autosft.testing.toy import make_points, registry
from autosft.testing.trials import make_runtime, make_trial, points_task, quick_recipe
from autosft_strategies.linear import LinearProblem
from autosft_strategies.probe import FOLDS, choose

SHAPES = (  # kind, rows, columns, classes, and strength
    ("dense", 200, 384, 2, 10.0),
    ("dense", 200, 1280, 10, 10.0),
    ("dense", 2000, 1280, 10, 10.0),
    ("dense", 2000, 384, 150, 10.0),
    ("dense", 20000, 768, 2, 10.0),
    ("dense", 20000, 384, 150, 10.0),
    ("sparse", 200, 60000, 2, 1.0),
    ("sparse", 2000, 60000, 20, 0.1),
    ("sparse", 2000, 60000, 150, 0.1),
    ("sparse", 20000, 60000, 4, 0.03),
)
CHOSEN_UP_TO = 2000
"""The choice of a penalty is timed up to so many rows."""

PENALTIES = 8
"""About as many as the probe compares."""


def dense(rows: int, columns: int, labels: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Standardized features, of which the first directions say most."""
    falling = 1 / np.sqrt(1 + np.arange(columns))
    centers = draw.normal(size=(labels.max() + 1, columns)) * 0.25
    turned = np.linalg.qr(draw.normal(size=(columns, columns)))[0]
    found = ((centers[labels] + draw.normal(size=(rows, columns))) * falling) @ turned
    return ((found - found.mean(0)) / found.std(0)).astype(np.float32)


def sparse(rows: int, columns: int, labels: np.ndarray, draw: np.random.Generator) -> csr_array:
    """TF-IDF of 60 words a row, and two of its class."""
    common = 1 / (np.arange(columns) + 2.7)
    topics = [draw.permutation(columns)[:300] for _ in range(labels.max() + 1)]
    words = draw.choice(columns, (rows, 60), p=common / common.sum())
    words = np.concatenate([words, np.stack([draw.choice(topics[label], 2) for label in labels])], 1)
    counts = csr_array((np.ones(words.size), (np.repeat(np.arange(rows), 62), words.ravel())), shape=(rows, columns))
    counts.sum_duplicates()
    found = csr_array(TfidfTransformer(sublinear_tf=True).fit_transform(counts).astype(np.float32))
    return csr_array(found[:, np.flatnonzero(np.asarray(found.sum(0)).ravel() > 0)])


def tensor_of(features: np.ndarray | csr_array) -> torch.Tensor:
    """As an encoder gives them."""
    if isinstance(features, np.ndarray):
        return torch.from_numpy(features)
    parts = (torch.from_numpy(part.astype(np.int64)) for part in (features.indptr, features.indices))
    return torch.sparse_csr_tensor(*parts, torch.from_numpy(features.data), features.shape)


def trial_of(folder: Path, labels: list[str]) -> tuple[Trial, Runtime]:
    """A trial with these labels, and where it computes."""
    task = points_task(make_points(folder / "clouds.points.json", rows=20))
    trial = make_trial(folder / "trial", task, registry(Classification()), quick_recipe("probe"))
    states = replace(trial.parts.states, problems=(Classification().fit(labels),))
    rows = Rows.of(Row(f"r{number}", number, (label,)) for number, label in enumerate(labels))
    return replace(trial, train=rows, parts=replace(trial.parts, states=states)), make_runtime(trial)


def in_turn(repeats: int, *works: Callable[[], object]) -> list[float]:
    """The median seconds of each, one after the other, again and again."""
    spent: list[list[float]] = [[] for _ in works]
    for _ in range(repeats):
        for number, work in enumerate(works):
            started = time.perf_counter()
            work()
            spent[number].append(time.perf_counter() - started)
    return [statistics.median(one) for one in spent]


def measured(kind: str, rows: int, columns: int, classes: int, strength: float, repeats: int, folder: Path) -> str:
    """A line of the table."""
    draw = np.random.default_rng(0)
    numbers = np.concatenate([np.arange(classes), draw.integers(0, classes, rows - classes)])
    features = (dense if kind == "dense" else sparse)(rows, columns, numbers, draw)
    labels = [f"class-{number:03d}" for number in numbers]
    (trial, runtime), tensor, weights = trial_of(folder, labels), tensor_of(features), torch.ones(rows)
    head = LinearHead(features.shape[1], classes)

    def problem() -> LinearProblem:
        return LinearProblem(trial.parts, runtime, 0, head, tensor, labels, weights)

    penalty = problem().penalty(strength)
    strong = (2 if classes == 2 else 1) / (penalty * rows)  # of two classes scikit-learn penalizes a difference
    ours: dict[str, np.ndarray] = {}

    def fit() -> None:
        one = problem()
        weight, bias = one.unturned(one.on().solve(strength, None))
        ours.update(weight=weight.numpy(), bias=bias.numpy())

    theirs = LogisticRegression(C=strong, max_iter=300)
    single = in_turn(repeats, fit, lambda: theirs.fit(features, numbers))
    weight, bias = (theirs.coef_, theirs.intercept_)
    if classes == 2:
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2

    def objective(weight: np.ndarray, bias: np.ndarray) -> float:
        scores = features @ weight.T + bias
        scores = scores - scores.max(1, keepdims=True)
        losses = np.log(np.exp(scores).sum(1)) - scores[np.arange(rows), numbers]
        return float(losses.mean() + 0.5 * penalty * (weight.astype(float) ** 2).sum())

    same = objective(**ours) / objective(weight, bias)
    chosen = ["", ""]
    if rows <= CHOSEN_UP_TO:
        grid = LogisticRegressionCV(
            Cs=PENALTIES, cv=FOLDS, max_iter=300, scoring="neg_log_loss", use_legacy_attributes=False
        )
        both = in_turn(1, lambda: choose(trial, runtime, 0, problem(), tensor), lambda: grid.fit(features, numbers))
        chosen = [f"{seconds:.2f}" for seconds in both]
    return (
        f"| {kind} | {rows} | {features.shape[1]} | {classes} | {single[0]:.3f} | {single[1]:.3f} | "
        f"{single[0] / single[1]:.2f} | {same:.4f} | {chosen[0]} | {chosen[1]} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print(
        "| features | rows | columns | classes | head, s | scikit-learn, s | ratio | loss, ratio | choice, s | its, s |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    with TemporaryDirectory() as folder:
        for shape in SHAPES:
            print(measured(*shape, arguments.repeats, Path(folder)), flush=True)


if __name__ == "__main__":
    main()
