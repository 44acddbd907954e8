"""Does an ensemble of a search's trials pay? Each search's single best against its ensemble, on the same test rows.

    python benchmarks/ensembles.py OUT DATA [DATA ...] --weights DIR --budget 240 --seeds 0 1

Both are taken from the trials as the search left them, without training again, so that they differ in nothing else.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from autosft.contracts.record import Record
from autosft.contracts.trial import Runtime
from autosft.deploy.member import load_member
from autosft.host.loading import load
from autosft.runs.run import Run
from autosft.search.driver import run_search
from autosft.search.outcome.choice import Expected, choose
from autosft.search.outcome.ensemble import choose_ensemble
from autosft.search.outcome.predictions import read_predictions
from autosft.training.evaluation import answer


def compared(folder: Path, seed: int) -> dict[str, object]:
    """The test scores of the single best and of the ensemble, and their right answers row by row."""
    run, registry, device = Run.read(folder), load(), torch.device("cpu")
    records = [Record.read(path) for path in sorted(folder.glob("trials/*/record.json"))]
    records = [record for record in records if record.state == "done"]
    predictions, _ = read_predictions(run, registry, records)
    there = [record.number for record in records if run.has_model(record.number)]
    members = [record for record in records if record.number in there]
    expected = Expected.of(registry, run.document.plan)
    single, mixed = choose(records, expected), choose_ensemble(predictions, members, expected, seed=seed)
    numbers = {single.number, *(mixed.weights if mixed else ())}
    test, task = run.data.test, run.document.task
    runtime = Runtime(registry.modality(task.modality).read, device)
    models = {number: load_member(run.trial_folder(number), task, registry, device) for number in numbers}
    outputs = {number: answer(parts, runtime, model, test)[0] for number, (parts, model) in models.items()}
    problem, targets = registry.problem(task.targets[0].problem), test.target(0)
    parts = models[single.number][0]
    alone = outputs[single.number], parts.states.problems[0]
    both = {"single": alone, "ensemble": alone}
    if mixed:
        combined = problem.combine([outputs[number] for number in mixed.weights], list(mixed.weights.values()))
        both["ensemble"] = combined, mixed.states[0]
    right = {
        name: [answer == target for answer, target in zip(problem.decide(*pair), targets, strict=True)]
        for name, pair in both.items()
    }
    return {
        "data": task.name,
        "seed": seed,
        "metric": task.targets[0].metric,
        "valid rows": len(run.data.valid),
        "test rows": len(test),
        "trials with outputs": len(predictions.trials),
        **{name: problem.score(task.targets[0].metric, pair[0], targets, pair[1]) for name, pair in both.items()},
        "members": len(mixed.weights) if mixed else 1,
        "taken": mixed is not None,
        "gain": mixed.gain if mixed else 0.0,
        "right": right,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("data", nargs="+")
    parser.add_argument("--weights", action="append", default=[])
    parser.add_argument("--budget", type=float, default=240.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    differences: list[float] = []
    for data in arguments.data:
        for seed in arguments.seeds:
            folder = arguments.out / f"{Path(data).name}-{seed}"
            result = run_search(
                data,
                run=folder,
                seed=seed,
                budget=arguments.budget,
                threads=arguments.threads,
                weights=arguments.weights,
            )
            row = compared(folder, seed)
            right = row.pop("right")
            taken = np.array(right["ensemble"]) if row["pays"] else np.array(right["single"])
            differences += (taken.astype(float) - np.array(right["single"])).tolist()
            print(json.dumps({**row, "result": result.test, "weights": result.weights, "trials": dict(result.trials)}))
    draws = np.random.default_rng(0).choice(differences, (2000, len(differences))).mean(1)
    low, high = 100 * np.quantile(draws, [0.025, 0.975])
    pooled = f"{100 * np.mean(differences):+.2f} points ({low:+.2f} to {high:+.2f})"
    print(f"taken minus single, pooled over test rows: {pooled}")


if __name__ == "__main__":
    main()
