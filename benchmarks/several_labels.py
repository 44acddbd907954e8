"""Synthetic rows with several labels each: which loss, how many rows to borrow for a threshold, how even are splits?

    python benchmarks/several_labels.py --seeds 8

Rows are normal, labels follow logistic models that fraction directions, and their frequencies fall geometrically; in
"crowded" data a row has some eight of 100 labels, in "sparse" some two of 30, in "mostly one" it has one of 15 and
every fifth row a second. A linear head is solved on 1,500 rows (3,000 where crowded), the rule is chosen on validation
rows, and 5,000 more rows test. Probabilities are judged by the expected calibration error in 15 bins of equal size.
"""

from __future__ import annotations

import argparse
from collections import defaultdict

import numpy as np
import torch

from autosft.builtin.multilabel import LOSSES
from autosft.data.stratify import hold_out
from autosft.training import thresholds
from autosft.training.label_losses import label_loss
from autosft.training.metrics import MULTILABEL
from autosft.training.thresholds import LabelRule, choose_rule

WIDTH, TEST_ROWS = 24, 5000
STRENGTHS = (3.0, 1.0, 0.3, 0.1, 0.03, 0.01)
BORROWED = (0.01, 3.0, 10.0, 30.0, 100.0, 1e6)


def several(draw: np.random.Generator, rows: int, labels: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and labels, both with a row per row."""
    points = draw.normal(size=(rows, WIDTH))
    weight = draw.normal(size=(WIDTH, labels)) * 2 / WIDTH**0.5
    weight += draw.normal(size=(WIDTH, 5)) @ draw.normal(size=(5, labels)) * 1.4 / (5 * WIDTH) ** 0.5
    scores = points @ weight + 0.5 * draw.normal(size=(rows, labels))
    frequencies = np.geomspace(0.3, 0.004, labels)
    cuts = np.array([np.quantile(column, 1 - fraction) for column, fraction in zip(scores.T, frequencies, strict=True)])
    return points, draw.random(scores.shape) < 1 / (1 + np.exp(-2 * (scores - cuts)))


def mostly_one(draw: np.random.Generator, rows: int, labels: int) -> tuple[np.ndarray, np.ndarray]:
    """The same, with one label per row, and two in every fifth."""
    points = draw.normal(size=(rows, WIDTH))
    scores = points @ draw.normal(size=(WIDTH, labels)) * 3 / WIDTH**0.5
    ranked = np.argsort(-(scores + np.log(np.geomspace(1, 0.05, labels)) + draw.gumbel(size=scores.shape)), axis=1)
    truth = np.zeros(scores.shape, dtype=bool)
    truth[np.arange(rows), ranked[:, 0]] = True
    second = np.flatnonzero(draw.random(rows) < 0.2)
    truth[second, ranked[second, 1]] = True
    return points, truth


DATA = {"crowded": (several, 100, 3000), "sparse": (several, 30, 1500), "mostly one": (mostly_one, 15, 1500)}


def solve(loss, points: torch.Tensor, truth: torch.Tensor, strength: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight and bias of a linear head under an L2 penalty."""
    weight = torch.zeros(truth.shape[1], WIDTH, requires_grad=True)
    bias = torch.zeros(truth.shape[1], requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=200, history_size=20, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        value = loss.loss(points @ weight.T + bias, truth).mean() + 0.5 * strength * weight.square().sum() / WIDTH
        value.backward()
        return value

    optimizer.step(closure)
    return weight.detach(), bias.detach()


def multilabel_score(metric: str, truth: np.ndarray, answered: np.ndarray, probabilities: np.ndarray) -> float:
    return MULTILABEL[metric].score({"truth": truth, "answered": answered, "probabilities": probabilities})


def calibration_error(truth: np.ndarray, probabilities: np.ndarray) -> float:
    order = np.argsort(probabilities, axis=None)
    bins = zip(np.array_split(truth.ravel()[order], 15), np.array_split(probabilities.ravel()[order], 15), strict=True)
    return float(np.mean([abs(np.mean(true) - np.mean(said)) for true, said in bins]))


def answered(draw: np.random.Generator, kind: str, name: str, valid: int):
    """Truth and probabilities of validation and test rows, with the penalty of the lowest validation loss."""
    make, labels, train = DATA[kind]
    points, truth = make(draw, train + valid + TEST_ROWS, labels)
    inputs, targets = torch.tensor(points, dtype=torch.float32), torch.tensor(truth, dtype=torch.float32)
    parts = slice(0, train), slice(train, train + valid), slice(train + valid, None)
    positive = targets[parts[0]].sum(0).clamp_min(1)
    loss = label_loss(name, ((train - positive) / positive).sqrt())
    heads = [solve(loss, inputs[parts[0]], targets[parts[0]], strength) for strength in STRENGTHS]
    scores = [inputs @ weight.T + bias for weight, bias in heads]
    best = min(scores, key=lambda score: float(loss.loss(score[parts[1]], targets[parts[1]]).mean()))
    probabilities = loss.probabilities(best).numpy()
    return [(truth[part], probabilities[part]) for part in parts[1:]]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=8)
    seeds = range(parser.parse_args().seeds)
    torch.set_num_threads(1)
    for kind in DATA:
        for name in LOSSES:
            found = defaultdict(list)
            for seed in seeds:
                valid, test = answered(np.random.default_rng(seed), kind, name, 300)
                half = LabelRule(np.full(test[0].shape[1], 0.5))
                found["calibration"].append(calibration_error(*test))
                found["average_precision"].append(multilabel_score("average_precision", test[0], test[0], test[1]))
                for metric in ("f1_micro", "f1_macro", "accuracy"):
                    for rule, tag in ((half, "half"), (choose_rule(MULTILABEL[metric], *valid, half), "tuned")):
                        found[f"{metric} {tag}"].append(
                            multilabel_score(metric, test[0], rule.predicted(test[1]), test[1])
                        )
            print(kind, name, {key: f"{np.mean(values):.4f}" for key, values in found.items()}, flush=True)
    for valid_rows in (100, 300, 1000):
        for metric in ("f1_micro", "f1_macro"):
            found = defaultdict(list)
            for seed in seeds:
                for name in LOSSES:
                    valid, test = answered(np.random.default_rng(seed), "sparse", name, valid_rows)
                    half = LabelRule(np.full(test[0].shape[1], 0.5))
                    found["half"].append(multilabel_score(metric, test[0], half.predicted(test[1]), test[1]))
                    for borrowed in BORROWED:
                        thresholds.BORROWED = borrowed
                        rule = choose_rule(MULTILABEL[metric], *valid, half)
                        found[borrowed].append(multilabel_score(metric, test[0], rule.predicted(test[1]), test[1]))
            print(valid_rows, metric, {key: f"{np.mean(values):.4f}" for key, values in found.items()}, flush=True)
    for kind in DATA:
        far = {"iterative": [], "at random": []}
        for seed in seeds:
            draw = np.random.default_rng(seed)
            truth = DATA[kind][0](draw, 1000, DATA[kind][1])[1]
            strata = [frozenset(np.flatnonzero(row).tolist()) for row in truth]
            held = {"iterative": hold_out(strata, np.arange(1000), 5, draw), "at random": draw.random(1000) < 0.2}
            for way, mask in held.items():
                far[way].append(np.abs(truth[mask].sum(0) - truth.sum(0) / 5).mean())
        print(kind, "rows of a label held out beside a fifth:", {way: f"{np.mean(n):.2f}" for way, n in far.items()})


if __name__ == "__main__":
    main()
