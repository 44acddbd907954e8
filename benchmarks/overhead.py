"""What the search itself costs per trial, without any training: proposing, storing, ranking, and the driver's memory.

Makes trials of the toy plugin whose outcomes are a function of their parameters, and puts them through the real
scheduler, sampler and SQLite study, as the driver does.

    python benchmarks/overhead.py --trials 5000
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import tempfile
import time
from pathlib import Path

from autosft.builtin.classification import Classification
from autosft.contracts.facts import Facts
from autosft.contracts.record import Record
from autosft.report.leaderboard import write_leaderboard
from autosft.runs.plan import make_plan, precheck
from autosft.runs.spec import SearchSpec
from autosft.search.memory.sampler import Sampler
from autosft.search.memory.study import Study, sqlite_url
from autosft.search.memory.trials import Trials
from autosft.search.orders.retries import to_quarantine
from autosft.search.outcome.choice import Expected, choose, contenders
from autosft.search.policy.budget import Estimates
from autosft.search.policy.proposals import Proposals
from autosft.search.policy.scheduler import Scheduler
from autosft.search.recognize import recognize, with_metric
from autosft.search.space import relative_cost_of
from autosft.testing import toy

FACTS = Facts(train=60, valid=20, test=20)


def resident() -> float:
    """Megabytes of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def outcome(number: int, trials: Trials) -> Record:
    """A score with one optimum in the learning rates."""
    recipe = trials.recipe(number)
    distance = abs(math.log10(recipe.optim.lr / 0.02)) + abs(math.log10(recipe.optim.head_lr / 0.1))
    return Record(number=number, state="done", recipe=recipe, score=1 / (1 + distance), score_error=0.01, loss=distance)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=5000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        registry = toy.registry(Classification())
        points = toy.make_points(folder / "clouds.points.json", rows=100, seed=1)
        task = with_metric(recognize(points, registry)[0].task, "", registry)
        plan = make_plan(task, registry, precheck(task, registry, SearchSpec()), FACTS)
        sampler, relative_cost = Sampler(0), relative_cost_of(task, registry, plan)
        trials = Trials(Study(sqlite_url(folder / "study.db"), "autosft"), sampler, 0)
        expected = Expected.of(registry, plan)
        scheduler = Scheduler(trials, Proposals(task, registry, plan, sampler), None)
        print("| trials | propose and store, ms (median / 90 % / most) | note, rank and choose, ms | memory, MB more |")
        print("|--:|--:|--:|--:|")
        before, proposing, noting = 0.0, [], []
        for number in range(arguments.trials):
            started = time.perf_counter()
            estimates = Estimates(plan, trials.known, None, relative_cost)
            assignment = scheduler.next(estimates, (), used=0.5, left=math.inf)
            proposed = time.perf_counter()
            if assignment is None:
                raise SystemExit("nothing was left to propose")
            record = outcome(assignment.number, trials)
            trials.note(record)
            record.write(folder / "trials" / f"{number:04d}" / "record.json")
            contenders(trials.ended, expected, 3)
            to_quarantine(trials.ended)
            choose(trials.ended, expected)
            min(trials.known, key=Record.order)
            proposing.append(1000 * (proposed - started))
            noting.append(1000 * (time.perf_counter() - proposed))
            if number == 20:
                before = resident()
            if number + 1 in (100, 1000, 2000, arguments.trials):
                last = sorted(proposing[-100:])
                print(
                    f"| {number + 1} | {statistics.median(last):.0f} / {last[89]:.0f} / {last[-1]:.0f} "
                    f"| {statistics.median(noting[-100:]):.0f} | {resident() - before:.0f} |",
                    flush=True,
                )
        started = time.perf_counter()
        write_leaderboard(folder, trials.known)
        print(f"\nwriting the leaderboard once: {1000 * (time.perf_counter() - started):.0f} ms")
        started = time.perf_counter()
        Trials(Study(sqlite_url(folder / "study.db"), "autosft"), Sampler(0), 0)
        print(f"taking the run up again: {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
