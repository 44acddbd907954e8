"""What a strategy reaches within a few epochs under its default recipe and under others: one line of JSON per training.

Trained on some rows of each data set, scored on others that a search would hold out, by one backbone.

    python benchmarks/first_recipes.py DATA [DATA ...] --weights FOLDER --rows 200 --epochs 4 --seeds 0 1 \
        --recipe optim.batch_size=16 --recipe 'regular.norm_statistics="batch",optim.lr=0.001'
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from autosft.contracts.facts import Facts
from autosft.contracts.rows import Rows
from autosft.contracts.space import Parameter, defaults
from autosft.contracts.trial import Parts, Runtime, States, Trial
from autosft.data.cache import SampleCache
from autosft.data.splits import split, subset, with_order
from autosft.host.loading import load
from autosft.host.registry import Registry
from autosft.runs.plan import make_plan, precheck
from autosft.runs.spec import SearchSpec
from autosft.search.recognize import recognize, with_metric
from autosft.search.space import recipe_of, space_of
from autosft.training.loop import train


class Setting:
    """One data set with the first backbone whose weights are given.

    Args:
        registry: The parts.
        path: The data.
        weights: A folder of weights.
        backbone: A shell pattern.
        metric: The score; by default the problem's first.
    """

    def __init__(self, registry: Registry, path: Path, weights: str, backbone: str, metric: str = "") -> None:
        self.registry = registry
        self.task = with_metric(recognize(path, registry)[0].task, metric, registry)
        spec = SearchSpec(weights=(weights,), backbones=(backbone,))
        plan = make_plan(self.task, registry, precheck(self.task, registry, spec), Facts())
        self.modality, self.problem = (
            registry.modality(self.task.modality),
            registry.problem(self.task.targets[0].problem),
        )
        self.scan, self.read = self.modality.scan(self.task), SampleCache(self.modality.read)
        train = split(self.scan, self.problem, seed=0).train
        self.plan = plan.model_copy(update={"state": self.modality.fit(train, self.read)})

    def space(self, strategy: str) -> dict[str, Parameter]:
        """What means anything to the strategy here, by the names that a study knows."""
        return space_of(self.task, self.registry, self.plan, self.plan.candidates[0].info.name, strategy)

    def run(self, seed: int, changes: dict[str, Any], arguments: argparse.Namespace) -> dict[str, Any]:
        """Train once, and say what came out."""
        data = split(self.scan, self.problem, seed=seed)
        held_out = data.valid + data.test if data.test is not None else data.valid
        rows, held_out = (
            subset(with_order(part, self.problem, seed=seed), count)
            for part, count in ((data.train, arguments.rows), (held_out, arguments.held_out))
        )
        with tempfile.TemporaryDirectory() as folder:
            changes = {"stop.max_epochs": arguments.epochs, **changes}
            trial = self.trial(Path(folder), rows, held_out, seed, changes, arguments.strategy)
            runtime = replace(self.runtime(), precision=arguments.precision)
            started = time.perf_counter()
            trained = train(trial, runtime, self.registry.strategy(arguments.strategy))
            seconds = time.perf_counter() - started
        last = (trained.epochs[-1].score if trained.epochs else None) or 0.0
        best = trained.evaluation.score if trained.evaluation else 0.0
        loss = trained.evaluation.loss if trained.evaluation else 0.0
        rounded = {"best": best, "last": last, "loss": loss, "seconds": seconds}
        return {"rows": len(rows), **{name: round(value, 4) for name, value in rounded.items()}}

    def trial(
        self, folder: Path, rows: Rows, held_out: Rows, seed: int, changes: dict[str, Any], strategy: str = "full"
    ) -> Trial:
        """A training, with some of the strategy's defaults changed."""
        candidate = self.plan.candidates[0]
        info, family = candidate.info, self.registry.family(candidate.info.name)
        space = defaults(self.space(strategy))
        chosen = {next((known for known in space if known.endswith(name)), name): changes[name] for name in changes}
        recipe = recipe_of({"backbone": info.name, "strategy": strategy, **space, **chosen}, seed)
        states = States(
            self.modality.fit(rows, self.read),
            family.fit(info, rows, self.read, candidate.weights),
            (self.problem.fit(rows.target(0)),),
        )
        parts = Parts(self.task, recipe, self.modality, family, info, (self.problem,), candidate.weights, states)
        return Trial(parts, folder, rows, held_out, Rows.of(()))

    def runtime(self) -> Runtime:
        """The CPU, with nothing encoded yet."""
        return Runtime(self.read, torch.device("cpu"))


def changes_of(text: str) -> dict[str, Any]:
    """From `optim.ema=0.99,optim.schedule="constant"` to values by name."""
    return {name: json.loads(value) for name, value in (pair.split("=") for pair in text.split(",") if pair)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="+", type=Path)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--backbone", default="*")
    parser.add_argument("--strategy", default="full")
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--held-out", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--all", default="", help="changes that every recipe has, such as image.resolution=0.5")
    parser.add_argument("--recipe", action="append", default=[], help="changes, beside the default recipe")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    registry = load()
    settings = {path.name: Setting(registry, path, arguments.weights, arguments.backbone) for path in arguments.data}
    for seed in arguments.seeds:
        for recipe in ["", *arguments.recipe]:
            for name, setting in settings.items():
                done = setting.run(seed, {**changes_of(arguments.all), **changes_of(recipe)}, arguments)
                print(json.dumps({"data": name, "seed": seed, "recipe": recipe, **done}), flush=True)


if __name__ == "__main__":
    main()
