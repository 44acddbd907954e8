"""`autosft search`, and the hidden `autosft worker` that it starts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

from autosft.cli import completion
from autosft.cli.options import Modules
from autosft.errors import BadInput

if TYPE_CHECKING:
    from autosft.search.events import Callback


def search(
    context: typer.Context,
    data: Annotated[
        str,
        typer.Argument(help="A folder with one subfolder per class, a table, a zip or tar of either, or a task.toml."),
    ],
    target: Annotated[
        list[str] | None, typer.Option(help="The column of the target; several together are one target.")
    ] = None,
    inputs: Annotated[
        list[str] | None, typer.Option("--inputs", "--text", help="The column of texts or paths; several are joined.")
    ] = None,
    problem: Annotated[
        str,
        typer.Option(
            autocompletion=completion.problems,
            help="classification, multilabel, regression, …; found out by default. "
            "Several, separated by commas, need a --target each.",
        ),
    ] = "",
    unlabeled: Annotated[
        list[str] | None,
        typer.Option(
            help="Samples without labels to learn from: a folder, table, file or archive; may be given several times."
        ),
    ] = None,
    modality: Annotated[
        str,
        typer.Option(
            autocompletion=completion.modalities, help="image, text, audio, …; the most confident one by default."
        ),
    ] = "",
    group: Annotated[str, typer.Option(help="A column: rows of one value stay on one side of every split.")] = "",
    time: Annotated[str, typer.Option(help="A column to split by: train on the earliest, test on the latest.")] = "",
    weight: Annotated[str, typer.Option(help="A column of weights in the loss; scores count every row alike.")] = "",
    budget: Annotated[
        str, typer.Option(help="Wall clock for everything, such as 90s, 5m or 1h30m; 'none' with --trials.")
    ] = "10m",
    trials: Annotated[int | None, typer.Option(min=1, help="The most trials.")] = None,
    metric: Annotated[
        str,
        typer.Option(
            autocompletion=completion.metrics,
            help="The validation score to maximize; `autosft metrics` lists them. "
            "Several targets need one each, separated by commas.",
        ),
    ] = "",
    seed: Annotated[int, typer.Option(min=0, help="Splits, proposals and training derive from it.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda:0, …")] = "auto",
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="CPU threads of all workers together; by default all that there are, or as before."),
    ] = None,
    precision: Annotated[
        str, typer.Option(help="float32, tf32, bfloat16, or auto: bfloat16 on GPUs that have units for it.")
    ] = "auto",
    compile: Annotated[
        bool, typer.Option("--compile", help="Let torch compile encoders that it trains; each has to wait for that.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="How many trials are trained at the same time.")] = 1,
    processes_per_trial: Annotated[
        int, typer.Option(min=1, help="How many processes train a trial together, each on a GPU of its own.")
    ] = 1,
    executor: Annotated[
        str,
        typer.Option(autocompletion=completion.executors, help="Where workers run, such as an executor of a plugin."),
    ] = "processes",
    backbones: Annotated[
        str,
        typer.Option(
            autocompletion=completion.backbones, help="Shell patterns, separated by commas, such as 'timm/resnet*'."
        ),
    ] = "",
    strategies: Annotated[
        str,
        typer.Option(autocompletion=completion.strategies, help="Names, separated by commas, such as 'probe,full'."),
    ] = "",
    weights: Annotated[
        list[str] | None, typer.Option(help="A folder of weights on this machine; may be given several times.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            autocompletion=completion.settings,
            metavar="PART.PARAMETER=VALUE",
            help="Fix a parameter, such as classification.loss=focal or lr=1e-4, or narrow it: batch_size=16,32 or "
            "full.lr=1e-5..1e-3. `autosft plugins show PART` lists them. May be given several times.",
        ),
    ] = None,
    plugin: Modules = None,
    hold_out_test: Annotated[
        bool, typer.Option(help="Hold out a fifth of the rows for a test score where the data has no test split.")
    ] = True,
    transductive: Annotated[
        bool,
        typer.Option(
            "--transductive",
            help="Learn from the test rows too, without their labels; the test score then holds for them alone.",
        ),
    ] = False,
    storage: Annotated[
        str, typer.Option(help="A database for the study, such as postgresql://user@host/name, instead of a file.")
    ] = "",
    disk: Annotated[float, typer.Option(help="Gigabytes that models and checkpoints of trials may take.")] = 20.0,
    single: Annotated[
        bool,
        typer.Option("--single", help="Take one model, which predicts faster, even if an ensemble is better."),
    ] = False,
    run: Annotated[str, typer.Option(help="The run's folder; runs/<name of the data> by default.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document a line, for programs.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but an error.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print a line for every epoch.")] = False,
) -> None:
    """Search for the best model. The same command goes on with an unfinished run; a larger budget extends it."""
    started = monotonic()
    from autosft.search.driver import run_search

    with _watching(context, json=json, quiet=quiet, verbose=verbose, plugins=plugin or ()) as callback:
        run_search(
            data,
            target=target or (),
            inputs=inputs or (),
            problem=problem,
            unlabeled=unlabeled or (),
            modality=modality,
            group=group,
            time=time,
            weight=weight,
            budget=None if budget.lower() == "none" else budget,
            trials=trials,
            metric=metric,
            seed=seed,
            device=device,
            threads=threads,
            precision=precision,
            compile=compile,
            workers=workers,
            processes_per_trial=processes_per_trial,
            executor=executor,
            backbones=_names(backbones),
            strategies=_names(strategies),
            weights=weights or (),
            settings=set_ or (),
            plugins=plugin or (),
            hold_out_test=hold_out_test,
            transductive=transductive,
            storage=storage,
            disk=disk,
            single=single,
            run=run or None,
            callback=callback,
            started=started,
        )


def worker(threads: int = 1, device: str = "auto", slot: int = 0, processes: int = 1, rank: int = 0) -> None:
    """Work on orders from standard input; started by the driver, or by the first worker of a group."""
    import os

    from autosft.workers.inbox import Inbox

    inbox = Inbox(sys.stdin)

    # Events own the real standard output; whatever a library prints goes to the log.
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    from autosft.workers.group import Group
    from autosft.workers.worker import serve

    group = Group.of(threads, device, slot, processes, rank)
    serve(inbox, events, threads=threads, device=device, slot=slot, group=group)


def _watching(
    context: typer.Context, *, json: bool, quiet: bool, verbose: bool, plugins: Sequence[str]
) -> AbstractContextManager[Callback | None]:
    """Who watches the search."""
    from autosft.cli.watch.events import Events
    from autosft.cli.watch.lines import Lines

    if json + quiet + verbose > 1:
        raise BadInput("Give one of --json, --quiet and --verbose: they say how much is printed, each another way.")
    if quiet:
        return nullcontext()
    if json:
        return Events(sys.stdout)
    commands: dict[str, object] = getattr(context.find_root().command, "commands", {})
    return Lines(commands.keys(), verbose=verbose, plugins=plugins)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
