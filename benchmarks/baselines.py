"""Is anything that one would try in a minute better than a search? Whole data sets, and cuts of a few labels a class.

Beside each search the baselines of `floors.py`, on the same training rows and all test rows. One search at a time, an
empty cache each. Of cuts the models of all trials are kept until each has answered test rows: the regret is the score
of the best trial minus that of the chosen ones, on the same rows.

Writes `OUT/<cut>.floors.json`, `OUT/<cut>.json` (what is there is not made again) and `OUT/report.md`: errors, paired
differences with 95 % bootstrap intervals over test rows, the pooled ratio, regret. `--before OUT` sets the regret of
another version beside it, which the same script has measured there.

    python benchmarks/baselines.py OUT --data DIR --weights DIR --budget 150 [--cuts | --whole] [--before OUT]
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from floors import Cut, baselines
from paired import interval, predictions, search

WHOLE = (
    *("agnews4", "sst2", "banking77", "goemotions", "sms_spam", "takeout_chinese", "restaurants_arabic"),
    *("ants_bees", "cifar10_small", "clothing10", "flowers5", "tile_defects"),
    *("esc10", "fsdd:digit", "fsdd:speaker"),
)
CUT = ("agnews4", "sst2", "cifar10_small", "clothing10", "esc10")
SHOTS, DRAWS = (4, 10), (0, 1)

TRIAL_ROWS = 500
"""So many test rows are answered by every trial of a cut."""


def cuts(data: Path, chosen: argparse.Namespace) -> list[Cut]:
    """What is searched."""
    few = [Cut(data / name, "", shots, draw) for name in CUT for shots in SHOTS for draw in DRAWS]
    whole = [Cut(data / name.partition(":")[0], name.partition(":")[2]) for name in WHOLE]
    return [*([] if chosen.whole else few), *([] if chosen.cuts else whole)]


def searched(cut: Cut, out: Path, budget: int, weights: Sequence[Path]) -> dict[str, Any]:
    """The wall clock of a search, who answers, what the bundle says of each test row, and of a cut what each trial
    scores on test rows, beside its record."""
    kept = out / f"{cut.name}.json"
    if not kept.exists():
        run, folder = out / "run", out / "cut" / cut.path.name
        for old in (run, folder):
            shutil.rmtree(old, ignore_errors=True)
        options = ["--budget", f"{budget}s", *(word for one in weights for word in ("--weights", str(one)))]
        options += ["--target", cut.target] if cut.target else []
        program = [str(Path(__file__).with_name("without.py")), "deletion"] if cut.shots else ["-m", "autosft"]
        wall = search(cut.write(folder), run, options, program)
        result = json.loads((run / "result.json").read_text())
        found = {"wall": wall, **{name: result[name] for name in ("best", "weights", "trials", "valid", "test")}}
        found["answers"] = answers(cut, run)
        found["regret"] = trials_on_test(run) if cut.shots else {}
        found["log"] = (out / "run.log").read_text()[-4000:]
        kept.write_text(json.dumps(found, indent=1))
        for old in (run, folder):
            shutil.rmtree(old, ignore_errors=True)
    return json.loads(kept.read_text())


def answers(cut: Cut, run: Path) -> list[str]:
    """What the run's bundle says of each test row, in the order of the data."""
    inputs, said = predictions(run, cut.path / ("test.csv" if cut.is_table else "test"))
    samples = cut.rows("test")[0]
    if len(inputs) != len(samples):
        raise SystemExit(f"{cut.name}: {len(inputs)} of {len(samples)} test rows are answered")
    if not cut.is_table:
        by_name = {tuple(Path(name).parts[-2:]): one for name, one in zip(inputs, said, strict=True)}
        said = [by_name[tuple(path.parts[-2:])] for path in samples]
    return [one.replace(";", "|") for one in said] if cut.several else said


def trials_on_test(folder: Path) -> dict[str, Any]:
    """On the same test rows, the score of those in the bundle as their trials left them, and of every trial that has a
    model, with its record."""
    import torch

    from autosft.contracts.record import Record, Result
    from autosft.contracts.trial import Runtime
    from autosft.data.splits import subset
    from autosft.deploy.member import load_member
    from autosft.host.loading import load
    from autosft.runs.run import Run
    from autosft.training.evaluation import answer

    run, registry, device = Run.read(folder), load(), torch.device("cpu")
    task, problem = run.document.task, registry.problem(run.document.task.targets[0].problem)
    rows = subset(run.data.test, TRIAL_ROWS)
    runtime = Runtime(registry.modality(task.modality).read, device)  # encoded rows serve all trials of a backbone
    trials: list[dict[str, Any]] = []
    answered: dict[int, Any] = {}
    for path in sorted(folder.glob("trials/*/record.json")):
        record = Record.read(path)
        places = [run.trial_folder(record.number), run.trial_folder(record.number) / "dropped"]
        place = next((place for place in places if (place / "member.json").exists()), None)
        if record.state != "done" or place is None:
            continue
        parts, model = load_member(place, task, registry, device)
        cheap = registry.strategy(record.recipe.strategy).cheap
        outputs, state = answer(parts, runtime, model, rows, cached=cheap)[0], parts.states.problems[0]
        answered[record.number] = outputs
        score = problem.score(task.targets[0].metric, outputs, rows.target(0), state)
        loss = float(problem.validation_loss(outputs, rows.target(0), state).mean())
        trials.append({"test": score, "test_loss": loss, "record": record.plain()})
    result = Result.read(folder / "result.json")
    together = problem.combine([answered[record.number] for record in result.best], result.weights)
    chosen = problem.score(task.targets[0].metric, together, rows.target(0), state)
    return {"chosen": chosen, "rows": len(rows), "trials": trials}


def right(cut: Cut, said: Sequence[str]) -> np.ndarray:
    """Of each test row whether it is answered rightly; of several labels, whether all are."""
    pairs, several = zip(said, cut.rows("test")[1], strict=True), cut.several
    return np.array(
        [float(set(one.split("|")) == set(true.split("|")) if several else one == true) for one, true in pairs]
    )


def line_of(
    cut: Cut, found: Mapping[str, Any], floors: Mapping[str, Sequence[str]]
) -> tuple[str, np.ndarray, np.ndarray]:
    """A line of the report, and of each test row whether the search and the best baseline are right."""
    ours = right(cut, found["answers"])
    theirs = {name: right(cut, said) for name, said in floors.items()}
    best = max(theirs, key=lambda name: theirs[name].mean())
    members = ", ".join(
        f"{one['recipe']['strategy']} on {one['recipe']['backbone'].rpartition('/')[2]}" for one in found["best"]
    )
    others = " / ".join(f"{name} {rows.mean():.3f}" for name, rows in theirs.items())
    line = (
        f"| {cut.name} | {len(cut.chosen())} | {len(ours)} | {ours.mean():.3f} | {others} | "
        f"{interval(ours - theirs[best])} | {members} | {found['wall']:.0f} |"
    )
    return line, ours, theirs[best]


def regret(found: Mapping[str, Any]) -> tuple[float, float]:
    """The score of the best trial, and that minus the score of the chosen ones as their trials left them."""
    best = max(one["test"] for one in found["regret"]["trials"])
    return best, best - found["regret"]["chosen"]


def report(done: Mapping[Cut, tuple[dict[str, Any], dict[str, Any]]], before: Path | None) -> str:
    """All cuts and sets, what they are worth together, and regret."""
    head = "| data | training rows | test rows | search | baselines | minus the best, points | answered by | wall, s |"
    lines = [head, "|---|--:|--:|--:|---|--:|---|--:|"]
    for title, few in (("whole", False), ("cuts", True)):
        rows = [(line_of(cut, *pair)) for cut, pair in done.items() if bool(cut.shots) == few]
        if not rows:
            continue
        lines += [line for line, _, _ in rows]
        errors = [1 - np.concatenate([row[side] for row in rows]).mean() for side in (1, 2)]
        by_set = [1 - np.mean([row[side].mean() for row in rows]) for side in (1, 2)]
        difference = interval(np.concatenate([ours - theirs for _, ours, theirs in rows]))
        lines.append(
            f"| all {title}: error {errors[0]:.4f} of {errors[1]:.4f}, ratio {errors[0] / errors[1]:.3f}; every set "
            f"alike {by_set[0]:.4f} of {by_set[1]:.4f}, ratio {by_set[0] / by_set[1]:.3f} | | | | | {difference} | | |"
        )
    lines += ["", "| cut | best trial | chosen | regret | before |", "|---|--:|--:|--:|--:|"]
    regrets: list[tuple[float, float]] = []
    for cut, (found, _) in done.items():
        if cut.shots:
            old = before / f"{cut.name}.json" if before else None
            then = regret(json.loads(old.read_text()))[1] if old and old.exists() else float("nan")
            best, now = regret(found)
            regrets.append((now, then))
            lines.append(f"| {cut.name} | {best:.3f} | {best - now:.3f} | {now:+.3f} | {then:+.3f} |")
    if regrets:
        now, then = np.nanmean(np.array(regrets), axis=0)
        lines.append(f"| mean | | | {now:+.4f} | {then:+.4f} |")
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the data sets")
    parser.add_argument(
        "--weights", type=Path, nargs="+", required=True, help="folders of weights, as for autosft search"
    )
    parser.add_argument("--budget", type=int, default=150)
    parser.add_argument("--cuts", action="store_true", help="cuts alone")
    parser.add_argument("--whole", action="store_true", help="whole sets alone")
    parser.add_argument("--only", nargs="*", default=[], help="names that contain one of these alone")
    parser.add_argument("--before", type=Path, help="what another version has measured")
    parser.add_argument("--floors", type=Path, help="where the baselines are kept; by default in OUT")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    done: dict[Cut, tuple[dict[str, Any], dict[str, Any]]] = {}
    for cut in cuts(arguments.data, arguments):
        if arguments.only and not any(part in cut.name for part in arguments.only):
            continue
        path = (arguments.floors or arguments.out) / f"{cut.name}.floors.json"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(baselines(cut, arguments.weights, path.parent)))
        done[cut] = (searched(cut, arguments.out, arguments.budget, arguments.weights), json.loads(path.read_text()))
        print(line_of(cut, *done[cut])[0], flush=True)
    text = report(done, arguments.before)
    (arguments.out / "report.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
