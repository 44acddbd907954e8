"""`replan`: a run that is taken up again where other parts are installed than when it began.

What was tried stays, and stays comparable. New backbones and strategies join; those that are gone leave, unless
something was tried with them; ranges that have changed apply to what comes. As Optuna allows no other choices within a
study, the trials then go on in its next generation.
"""

from __future__ import annotations

from collections.abc import Sequence

from autosft.contracts.task import Task
from autosft.errors import NoCandidates, RunConflict
from autosft.host.registry import Registry
from autosft.runs.footprint import hardware_of
from autosft.runs.plan import Candidate, Plan, make_plan, precheck
from autosft.runs.run import Run
from autosft.runs.versions import differing, installed_versions
from autosft.search.events import Callback, Noted
from autosft.search.memory.sampler import distribution_of
from autosft.search.memory.study import Study, Trial
from autosft.search.space import whole_space_of


def replan(run: Run, url: str, registry: Registry, callback: Callback) -> None:
    """Bring a run's plan, study and versions up to date with what is installed, and write them down.

    Args:
        run: The run, locked.
        url: Where its study is stored.
        registry: The parts that are installed now.
        callback: Told what has changed.

    Raises:
        RunConflict: A trial was made with a part that cannot be had any more; names it.
        NoCandidates: Nothing that is installed fits the task.
    """
    old = run.document
    versions = installed_versions(registry)
    study = Study(url, old.study)
    try:
        trials = study.trials()
        plan = _plan_now(run, registry)
        if missing := _missing(trials, plan):
            raise RunConflict(
                f"{run.folder}: trials were made with {', '.join(missing)}, which cannot be had any more. "
                "Bring the plugin or the weights back, or give another folder with --run."
            )
        name, generation = old.study, old.generation
        if trials and not _fits(trials, old.task, registry, plan):
            generation += 1
            name = f"{old.study.removesuffix(f'-{old.generation}')}-{generation}"
            study.carry_over(name, lambda params: whole_space_of(old.task, registry, plan, params))
    finally:
        study.close()
    others = [f"{name} was {before}, now {now}" for name, before, now in differing(old.versions, versions)]
    for change in [*_changes(old.plan, plan), *others]:
        callback(Noted(f"since the run began: {change}"))
    run.replan(plan=plan, versions=versions, study=name, generation=generation, plugins=registry.named_modules)


def _plan_now(run: Run, registry: Registry) -> Plan:
    """The run's candidates as far as their parts are installed, and what is offered beside them now."""
    document = run.document
    try:
        facts = document.plan.facts.model_copy(update=hardware_of(registry, document.spec))
        offered = make_plan(document.task, registry, precheck(document.task, registry, document.spec), facts)
    except NoCandidates:
        if not any(_installed(candidate, registry) for candidate in document.plan.candidates):
            raise
        offered = Plan(candidates=(), settings=document.plan.settings, facts=document.plan.facts)
    now = {candidate.info.name: candidate for candidate in offered.candidates}
    kept = [left for candidate in document.plan.candidates if (left := _installed(candidate, registry))]
    for number, candidate in enumerate(kept):
        if new := now.pop(candidate.info.name, None):
            strategies = dict.fromkeys([*candidate.strategies, *new.strategies])
            kept[number] = new.model_copy(update={"info": candidate.info, "strategies": tuple(strategies)})
    candidates = sorted([*kept, *now.values()], key=lambda candidate: -candidate.info.prior)
    left_out = offered.left_out or document.plan.left_out
    changes = {"candidates": tuple(candidates), "left_out": left_out, "state": document.plan.state}
    return offered.model_copy(update=changes)


def _installed(candidate: Candidate, registry: Registry) -> Candidate | None:
    """The candidate with the strategies that are installed; None if nothing can train it any more."""
    strategies = tuple(name for name in candidate.strategies if name in registry.strategies)
    if candidate.info.name.partition("/")[0] not in registry.backbones or not strategies:
        return None
    return candidate.model_copy(update={"strategies": strategies})


def _missing(trials: Sequence[Trial], plan: Plan) -> list[str]:
    """Backbones and strategies of trials that the plan does not have."""
    pairs = {(candidate.info.name, strategy) for candidate in plan.candidates for strategy in candidate.strategies}
    gone = dict.fromkeys((str(trial.params["backbone"]), str(trial.params["strategy"])) for trial in trials)
    backbones, strategies = {backbone for backbone, _ in pairs}, {strategy for _, strategy in pairs}
    named = [
        backbone if backbone not in backbones else strategy if strategy not in strategies else f"{backbone}, {strategy}"
        for backbone, strategy in gone
        if (backbone, strategy) not in pairs
    ]
    return list(dict.fromkeys(named))


def _fits(trials: Sequence[Trial], task: Task, registry: Registry, plan: Plan) -> bool:
    """Whether every trial lies in the space as it is now."""
    for trial in trials:
        space = whole_space_of(task, registry, plan, trial.params)
        for name, distribution in trial.distributions.items():
            if name not in space or distribution_of(space[name]) != distribution:
                return False
    return True


def _changes(old: Plan, new: Plan) -> list[str]:
    """What the plans differ by, in words."""
    before = {candidate.info.name: set(candidate.strategies) for candidate in old.candidates}
    after = {candidate.info.name: set(candidate.strategies) for candidate in new.candidates}
    joined, left = sorted(after.keys() - before.keys()), sorted(before.keys() - after.keys())
    known, known_now = set[str]().union(*before.values()), set[str]().union(*after.values())
    joined += sorted(known_now - known)
    left += sorted(known - known_now)
    words = [f"new to try: {', '.join(joined)}"] if joined else []
    return words + ([f"not to be had any more: {', '.join(left)}"] if left else [])
