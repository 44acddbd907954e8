"""What earlier layers are worth beside the last one: logistic regression on frozen features, with and without them.

The features are AutoSFT's own; C is chosen by the log loss of stratified 5-fold cross-validation on the training rows.
One line of JSON per data set and backbone: that loss, the test accuracy of each, and their paired difference with a
bootstrap interval over the test rows, in points.

    python benchmarks/earlier_layers.py DATA [DATA ...] --weights FOLDER --backbones 'timm/resnet18*' --rows 1000
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from first_recipes import Setting
from paired import interval
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from autosft.contracts.rows import Rows
from autosft.data.splits import subset, with_order
from autosft.host.loading import load
from autosft.training.features import encode
from autosft.training.model import build_model

STRENGTHS = np.logspace(-4, 0, 9)


def last_width(network: Any) -> int:
    """How many of the pooled features are the last layer's; they come first."""
    if hasattr(network, "num_features"):
        return int(getattr(network, "head_hidden_size", 0) or network.num_features)
    return int(network.config.hidden_size)


def judged(train: np.ndarray, labels: list[str], test: np.ndarray) -> tuple[float, np.ndarray]:
    """The cross-validated log loss on the training rows, and the answers to the test rows."""
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    grid = {"logisticregression__C": STRENGTHS}
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    found = GridSearchCV(pipeline, grid, cv=folds, scoring="neg_log_loss", n_jobs=os.cpu_count()).fit(train, labels)
    return -float(found.best_score_), found.predict(test)


def compared(setting: Setting, rows: Rows, held_out: Rows) -> dict[str, Any]:
    """Both sets of features, by the same rows."""
    with tempfile.TemporaryDirectory() as folder:
        parts, runtime = setting.trial(Path(folder), rows, held_out, 0, {}).parts, setting.runtime()
        encoder = build_model(parts, runtime).encoder.eval()
        train, test = (encode(parts, runtime, encoder, part).numpy() for part in (rows, held_out))
    labels, truth = rows.target(0), np.array(held_out.target(0))
    line: dict[str, Any] = {"backbone": parts.info.name, "rows": len(rows), "test rows": len(truth)}
    right = {}
    for name, width in (("last", last_width(encoder.network)), ("with earlier ones", train.shape[1])):
        loss, said = judged(train[:, :width], labels, test[:, :width])
        right[name] = (said == truth).astype(float)
        line[name] = {"width": width, "loss": round(loss, 3), "accuracy": round(float(right[name].mean()), 4)}
    return {**line, "points": interval(right["with earlier ones"] - right["last"])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", type=Path)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--backbones", nargs="+", required=True, help="shell patterns; the first that each matches")
    parser.add_argument("--rows", type=int, default=1000, help="training rows at most, and test rows")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    registry = load()
    torch.set_num_threads(os.cpu_count() or 1)
    for path, pattern in itertools.product(arguments.data, arguments.backbones):
        setting = Setting(registry, path, arguments.weights, pattern)
        rows = setting.scan.rows
        train, test = (
            subset(with_order(rows.take(rows.split == split), setting.problem, seed=0), arguments.rows)
            for split in ("train", "test")
        )
        print(json.dumps({"data": path.name, **compared(setting, train, test)}), flush=True)


if __name__ == "__main__":
    main()
