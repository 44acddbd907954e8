"""`with_soups`: trials that fine-tuned one backbone from the same start, averaged into one model if that is better."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence

from autosft.contracts.executor import Order
from autosft.contracts.record import TOO_FEW_VALID, Record
from autosft.deploy.bundle import member_damage
from autosft.host.registry import Registry
from autosft.runs.run import Run
from autosft.search.events import Callback, Noted
from autosft.search.policy.budget import Estimates
from autosft.search.policy.clock import Clock


def with_soups(
    run: Run,
    registry: Registry,
    records: Sequence[Record],
    estimates: Estimates,
    clock: Clock,
    send: Callable[[Order], Record],
    callback: Callback,
    interrupted: Callable[[], bool],
) -> list[Record]:
    """The records, with that of a soup in the place of its best ingredient wherever one was better.

    A soup predicts as fast as one model. It is made only if there is time for it beside all that finishing needs.

    Args:
        run: The run.
        registry: The parts.
        records: The trials that are over.
        estimates: What things will take.
        clock: What is left.
        send: Has an order done.
        callback: Told of soups, and why one was not made.
        interrupted: Whether the user wants no more of them.
    """
    souped = {record.number: record for record in records}
    if len(run.data.valid) < TOO_FEW_VALID:
        return list(souped.values())  # a handful of rows would choose by chance
    for best, *others in _groups(run, registry, records):
        seconds = estimates.soup_seconds(best, len(others))
        if seconds + estimates.finish_seconds(best, (), refit=not run.data.valid_is_predefined) > clock.left():
            continue
        if interrupted():
            break
        made = send(_order(run, best, others, seconds))
        if made.state != "done":
            callback(Noted(f"no soup of trials like {best.number}: {made.error}"))
        elif len(made.ingredients) > 1:
            callback(
                Noted(
                    f"soup: the weights of trials {', '.join(map(str, made.ingredients))} are averaged into one model"
                )
            )
            fields = ("score", "score_error", "loss", "ingredients")
            souped[best.number] = best.model_copy(update={name: getattr(made, name) for name in fields})
    return list(souped.values())


def _groups(run: Run, registry: Registry, records: Sequence[Record]) -> list[list[Record]]:
    """Trials whose weights may be averaged, two or more each, the best first: of one backbone, which was trained, and
    of one strategy, from the same start; none without a validation loss, by which soups are judged."""
    groups: dict[tuple[str, str, str], list[Record]] = {}
    for record in sorted((record for record in records if record.state == "done"), key=Record.order):
        recipe = record.recipe
        alone = registry.strategy(recipe.strategy).cheap or record.loss is None
        if alone or not run.has_model(record.number):
            continue
        if not member_damage(run.trial_folder(record.number)):
            start = recipe.start.model_dump_json() if recipe.start else ""
            groups.setdefault((recipe.backbone, recipe.strategy, start), []).append(record)
    return [group for group in groups.values() if len(group) > 1]


def _order(run: Run, best: Record, others: Sequence[Record], seconds: float) -> Order:
    return Order(
        work="soup",
        run=str(run.folder),
        trial=best.number,
        token=uuid.uuid4().hex,
        recipe=best.recipe,
        seconds=None if seconds == float("inf") else seconds,
        others=tuple(record.number for record in others),
        micro_batch=best.micro_batch,
    )
