"""What rows without labels are worth to heads on frozen features: the strategies' own solvers, outside a search.

Each data set is encoded once by each backbone (at most 2,400 training, 1,600 unlabelled and 800 test rows), and kept in
`OUT/<set>.npz`. Of each draw, so many labelled rows of each class are taken; the other training rows, and the set's own
folder of such, are without labels. Each way gives a head for each backbone. What is done is not done again. The
`baseline` is self-training by an ensemble in plain scikit-learn.

Writes `OUT/done.jsonl`, and prints the mean over draws of two test scores: of the heads alone, averaged, and of the
mean of their answers. The score is accuracy; of rows with several labels, mean average precision. `--uneven` makes one
class ten times as frequent as another among rows without labels and test rows.

    python benchmarks/frozen_unlabeled.py OUT --data DIR --weights DIR --backbones agnews4='*MiniLM*,*granite*'
        --shots 4 10 25 --draws 0 1 2 --ways probe cotraining spreading entropy --set balanced=false
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from first_recipes import Setting, changes_of
from sklearn.decomposition import TruncatedSVD
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.semi_supervised import LabelSpreading

from autosft.builtin.classification import Classification
from autosft.builtin.multilabel import MultiLabel
from autosft.contracts.rows import Row, Rows
from autosft.contracts.tensors import LinearHead
from autosft.contracts.trial import Runtime, Trial
from autosft.data.splits import subset, with_order
from autosft.host.loading import load
from autosft.testing.toy import make_points, registry
from autosft.testing.trials import make_runtime, make_trial, points_task, quick_recipe
from autosft.training.features import encode
from autosft.training.model import build_model
from autosft_strategies.entropy_terms import solve_with_entropy
from autosft_strategies.graph import graph_of, spread_and_solve
from autosft_strategies.linear import LinearProblem, Solution, raw_of
from autosft_strategies.probe import STRENGTHS, choose, moments, scaled, unscaled
from autosft_strategies.pseudolabels import TRUST, Selection, Solved, label_and_solve
from autosft_strategies.pseudolabels import Heads as HeadsOf

TRAIN, OTHERS, TEST, SPARSE_WIDTH = 2400, 1600, 800, 200
"""Rows at most; and what sparse features are reduced to by a singular value decomposition, so that they are kept."""

Heads = list[Solution]


def encoded(path: Path, data: Path, weights: str, patterns: Sequence[str]) -> Mapping[str, np.ndarray]:
    """Features by split (`t` training, `s` test, `u` unlabelled) and backbone, and the labels `yt`, `ys`."""
    if path.exists():
        return dict(np.load(path))
    found: dict[str, np.ndarray] = {}
    parts = load()
    for pattern in patterns:
        setting = Setting(parts, data, weights, pattern)
        rows, problem = setting.scan.rows, setting.problem
        train, test = (
            subset(with_order(rows.take(rows.split == name), problem, seed=0), most)
            for name, most in (("train", TRAIN), ("test", TEST))
        )
        with tempfile.TemporaryDirectory() as folder:
            trial, runtime = setting.trial(Path(folder), train, test, 0, {}), setting.runtime()
            encoder = build_model(trial.parts, runtime).encoder.eval()
            several = (train, test, setting.scan.unlabeled[:OTHERS])
            features = [encode(trial.parts, runtime, encoder, one) for one in several if len(one)]
            state, name = trial.parts.states.problems[0], trial.parts.info.name
        for split, one in zip("tsu", _dense(features), strict=False):
            found[f"{split}/{name}"] = one
        labels = [problem.encode(one.target(0), state).numpy() for one in (train, test)]
        found |= dict(zip(("yt", "ys"), labels, strict=True))
        print(f"{data.name}: {name}, {len(train)} rows", flush=True)
    np.savez(path, **found)
    return found


def _dense(features: Sequence[torch.Tensor]) -> list[np.ndarray]:
    if features[0].layout == torch.strided:
        return [one.float().numpy() for one in features]
    found = TruncatedSVD(SPARSE_WIDTH, random_state=0).fit(_csr(features[0]))
    return [found.transform(_csr(one)).astype(np.float32) for one in features]


def _csr(features: torch.Tensor) -> Any:
    from scipy.sparse import csr_array

    parts = (one.numpy() for one in (features.values(), features.col_indices(), features.crow_indices()))
    return csr_array(tuple(parts), shape=tuple(features.shape))


class Case:
    """A draw of labelled rows, as a strategy sees it.

    Args:
        kept: What `encoded` gave.
        shots: Labelled rows of each class; of rows with several labels, in all.
        draw: Decides which.
        uneven: Whether classes are uneven among the others.
        selection: What co-training labels.
    """

    def __init__(
        self, kept: Mapping[str, np.ndarray], shots: int, draw: int, uneven: bool, selection: Selection
    ) -> None:
        names = [name[2:] for name in kept if name.startswith("t/")]
        chance, truth = np.random.default_rng(draw), kept["yt"]
        self.several = truth.ndim > 1
        classes = range(1) if self.several else range(truth.max() + 1)
        groups = [np.arange(len(truth)) if self.several else np.flatnonzero(truth == label) for label in classes]
        chosen = np.concatenate([chance.permutation(group)[:shots] for group in groups])
        others, test = np.setdiff1d(np.arange(len(truth)), chosen), np.arange(len(kept["ys"]))
        if uneven:
            fractions = np.geomspace(1, 0.1, len(classes))[chance.permutation(len(classes))]
            others = others[chance.random(len(others)) < fractions[truth[others]]]
            test = test[chance.random(len(test)) < fractions[kept["ys"]]]
        more = [[] if uneven or f"u/{name}" not in kept else [kept[f"u/{name}"]] for name in names]
        self.features = [
            torch.from_numpy(np.concatenate([kept[f"t/{name}"][chosen], kept[f"t/{name}"][others], *one])).float()
            for name, one in zip(names, more, strict=True)
        ]
        self.tests = [torch.from_numpy(kept[f"s/{name}"][test]).float() for name in names]
        self.truth = kept["ys"][test]
        self.outputs = truth.shape[1] if self.several else len(classes)
        targets = [np.flatnonzero(truth[place]) if self.several else truth[place] for place in chosen]
        self.trial, self.runtime = _trial_of(targets, self.outputs, self.several)
        self.selection = selection

    @property
    def head(self) -> LinearHead:
        """Of the right number of outputs."""
        return LinearHead(2, self.outputs)

    def answers(self, heads: Heads) -> list[np.ndarray]:
        """The probabilities that each head gives test rows."""
        problem, parts = self.trial.parts.problems[0], self.trial.parts
        return [
            problem.tensors(raw_of(one, head), parts.states.problems[0], parts.recipe)["probabilities"].numpy()
            for one, head in zip(self.tests, heads, strict=True)
        ]

    def scores(self, answers: Sequence[np.ndarray]) -> tuple[float, float]:
        """The mean of the scores of several answers, and that of their mean, on test rows."""
        return float(np.mean([self._score(one) for one in answers])), self._score(np.mean(answers, axis=0))

    def _score(self, answer: np.ndarray) -> float:
        if not self.several:
            return float((answer.argmax(1) == self.truth).mean())
        there = self.truth.any(0)
        return float(average_precision_score(self.truth[:, there], answer[:, there], average="macro"))


def _trial_of(targets: Sequence[Any], outputs: int, several: bool) -> tuple[Trial, Runtime]:
    names = [f"{number:03d}" for number in range(outputs)]
    problem = MultiLabel() if several else Classification()
    written = [tuple(names[one] for one in row) if several else names[row] for row in targets]
    with tempfile.TemporaryDirectory() as place:
        task = points_task(make_points(Path(place) / "clouds.points.json", rows=20), problems=[problem.name])
        recipe = quick_recipe("cotraining")
        trial = make_trial(Path(place) / "trial", task, registry(problem), recipe)
    known = problem.fit([*written, tuple(names)] if several else [*written, *names])
    rows = Rows.of(Row(f"r{number}", number, (target,)) for number, target in enumerate(written))
    states = replace(trial.parts.states, problems=(known,))
    trial = replace(trial, train=rows, parts=replace(trial.parts, states=states))
    return trial, make_runtime(trial)


def probe(case: Case) -> Heads:
    """Labelled rows alone, with the penalty chosen by cross-validation."""
    heads: Heads = []
    for every in case.features:
        features = every[: len(case.trial.train)]
        mean, scale = moments(features)
        weights = torch.ones(len(features))
        given = (case.trial.parts, case.runtime, 0, case.head, scaled(features, mean, scale))
        problem = LinearProblem(*given, case.trial.train.target(0), weights)
        place = choose(case.trial, case.runtime, 0, problem, features)
        heads.append(unscaled(*problem.unturned(problem.on().solve(STRENGTHS[place], None)), mean, scale))
    return heads


def together(solve: Callable[..., Solved]) -> Callable[[Case], Heads]:
    """All encoders together."""
    return lambda case: solve(case.trial, case.runtime, case.head, case.features)[0]


def one_by_one(solve: Callable[..., Solved]) -> Callable[[Case], Heads]:
    """Each encoder alone."""
    return lambda case: [solve(case.trial, case.runtime, case.head, [one])[0][0] for one in case.features]


def cotraining(case: Case) -> Heads:
    """All encoders together, with what is to be changed."""
    given = case.trial, case.runtime, case.head, case.features
    return label_and_solve(*given, selection=case.selection)[0]


def spread_labels(case: Case) -> Heads:
    """Label spreading as scikit-learn does it, over the same graph: heads learn from what labels alone have reached."""
    heads, graph = HeadsOf(case.trial, case.runtime, case.head, case.features), graph_of(case.features)
    known = np.full(graph.shape[0], -1)
    known[: len(heads.targets)] = heads.targets.numpy()
    model = LabelSpreading(kernel=lambda *_: graph, alpha=0.9, max_iter=200).fit(np.zeros((len(known), 1)), known)
    probabilities = model.label_distributions_[len(heads.targets) :]
    reached = np.flatnonzero(probabilities.sum(1) > 0)
    sure = 1 + (probabilities * np.log(probabilities.clip(1e-12))).sum(1) / np.log(probabilities.shape[1])
    labels, weights = probabilities[reached].argmax(1), TRUST * sure[reached]
    heads.learn(reached, torch.from_numpy(labels), torch.from_numpy(weights).float())
    return heads.solutions()


def baseline(case: Case) -> list[np.ndarray]:
    """Self-training by an ensemble in plain scikit-learn, which shares no code with AutoSFT: logistic regression on
    each backbone's features and on all side by side. Classes are supposed to be even, half-way."""
    count, classes = len(case.trial.train), case.outputs
    state = case.trial.parts.states.problems[0]
    labels = case.trial.parts.problems[0].encode(case.trial.train.target(0), state).numpy()
    views: list[tuple[np.ndarray, np.ndarray]] = []
    for every, test in zip(case.features, case.tests, strict=True):
        mean, scale = every[count:].mean(0), every[count:].std(0) + 1e-6
        views.append(tuple(((one - mean) / scale / every.shape[1] ** 0.5 * 10).numpy() for one in (every, test)))
    views.append((np.concatenate([one for one, _ in views], 1), np.concatenate([one for _, one in views], 1)))
    weights = np.array([1 / len(case.features)] * len(case.features) + [1.0])[:, None, None]
    chosen, given, trust = np.arange(0), labels[:0], np.ones(0)
    for step in range(6):
        rows, every = np.r_[np.arange(count), count + chosen], (np.r_[labels, given], np.r_[np.ones(count), trust])
        models = [LogisticRegression(max_iter=400).fit(one[rows], every[0], every[1]) for one, _ in views]
        mean = np.sum(weights * [m.predict_proba(one[count:]) for m, (one, _) in zip(models, views, strict=True)], 0)
        mean /= mean.sum(1, keepdims=True)
        mean /= mean.mean(0, keepdims=True) ** 0.5
        mean /= mean.sum(1, keepdims=True)
        answer, sure = mean.argmax(1), mean.max(1)
        most = int(np.ceil((step + 1) / 5 * len(mean) / classes))
        order = np.argsort(-sure, kind="stable")
        chosen = np.sort(np.concatenate([order[answer[order] == label][:most] for label in range(classes)]))
        given, trust = answer[chosen], 0.5 * sure[chosen]
    found = np.array([model.predict_proba(test) for model, (_, test) in zip(models, views, strict=True)])
    return list(found * weights * len(found) / weights.sum())


def of_heads(way: Callable[[Case], Heads]) -> Callable[[Case], list[np.ndarray]]:
    """What the heads answer that a way gives."""
    return lambda case: case.answers(way(case))


WAYS: Mapping[str, Callable[[Case], list[np.ndarray]]] = {
    "baseline": baseline,
    "probe": of_heads(probe),
    "cotraining": of_heads(cotraining),
    "cotraining alone": of_heads(one_by_one(label_and_solve)),
    "spreading": of_heads(together(spread_and_solve)),
    "label spreading": of_heads(spread_labels),
    "entropy": of_heads(one_by_one(solve_with_entropy)),
}


def report(done: Sequence[Mapping[str, Any]], shown: Sequence[str]) -> str:
    """The mean over draws."""
    lines = ["| data, labels a class | draws | " + " | ".join(shown) + " |", "|---|--:|" + "--:|" * len(shown)]
    for data, shots in dict.fromkeys((one["data"], one["shots"]) for one in done):
        mine = [one for one in done if (one["data"], one["shots"]) == (data, shots)]
        cells = []
        for way in shown:
            several = [one["scores"] for one in mine if one["way"] == way]
            cells.append("{:.3f}, {:.3f}".format(*np.mean(several, axis=0)) if several else "")
        lines.append(f"| {data}, {shots} | {len({one['draw'] for one in mine})} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def measured(arguments: argparse.Namespace) -> tuple[list[dict[str, Any]], list[str]]:
    """All that was done, now or before, and the ways that were asked for."""
    log = arguments.out / "done.jsonl"
    done = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    selection = Selection(**changes_of(arguments.set))
    ways = {f"{way} {arguments.set}".strip(): WAYS[way] for way in arguments.ways}
    for text in arguments.backbones:
        name, _, patterns = text.partition("=")
        kept = encoded(arguments.out / f"{name}.npz", arguments.data / name, arguments.weights, patterns.split(","))
        for shots, draw in itertools.product(arguments.shots, arguments.draws):
            key = {"data": name + " uneven" * arguments.uneven, "shots": shots, "draw": draw}
            known = {one["way"] for one in done if key.items() <= one.items()}
            if ways.keys() <= known:
                continue
            case = Case(kept, shots, draw, arguments.uneven, selection)
            for way, answers in ways.items():
                if way not in known:
                    started = time.perf_counter()
                    scores = case.scores(answers(case))
                    done.append({**key, "way": way, "scores": scores, "seconds": time.perf_counter() - started})
                    with log.open("a") as stream:
                        stream.write(json.dumps(done[-1]) + "\n")
    return done, list(ways)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the data sets")
    parser.add_argument("--weights", required=True, help="a folder, as for autosft search")
    parser.add_argument("--backbones", nargs="+", required=True, help="SET=PATTERN,PATTERN")
    parser.add_argument("--shots", type=int, nargs="+", default=[4, 10, 25])
    parser.add_argument("--draws", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--ways", nargs="+", default=list(WAYS))
    parser.add_argument("--uneven", action="store_true")
    parser.add_argument("--set", default="", help="of co-training alone, fields of Selection: NAME=JSON,NAME=JSON")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    done, ways = measured(arguments)
    print(report([one for one in done if one["way"] in ways], ways))


if __name__ == "__main__":
    main()
