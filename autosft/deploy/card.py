"""The model card of a bundle, `README.md`: what the model is, what it was made from, what it is worth, how to use it.

After Mitchell et al., Model Cards for Model Reporting (2019). It says what is known and leaves out what is not: whom a
model is for, and what harm it could do, only those know who use it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from autosft.contracts.record import Result
from autosft.contracts.rows import Data
from autosft.contracts.state import State
from autosft.deploy.bundle import MEMBER, Bundle, MemberDocument, problem_states_in
from autosft.host.registry import Registry

MOST_CLASSES = 100


def model_card(folder: Path, bundle: Bundle, registry: Registry, result: Result, data: Data) -> str:
    """The card, in Markdown.

    Args:
        folder: Where the bundle lies.
        bundle: What its manifest says.
        registry: The parts, some of which describe what they learned.
        result: What came out of the search.
        data: The rows that it went by.
    """
    members = [MemberDocument.read(folder / entry.folder / MEMBER) for entry in bundle.members]
    first = folder / bundle.members[0].folder
    states = bundle.states(folder) or problem_states_in(first, members[0].problem_states)
    parts = (
        _head(bundle, result),
        _task(bundle, registry, states),
        _data(bundle, data, result),
        _scores(result, data),
        _members(bundle, members, result),
        _use(bundle),
        _limits(bundle, registry, states, result, data),
        _versions(result),
    )
    return "\n".join(line for part in parts for line in (*part, ""))


def _head(bundle: Bundle, result: Result) -> Iterator[str]:
    yield f"# {_plain(bundle.task.name)}"
    yield ""
    problems = " and ".join(bundle.task.problems)
    found = f"{sum(result.trials.values())} trials and {round(result.seconds.get('total', 0.0))} seconds"
    yield f"A model for {problems} of {bundle.task.modality} data, found by AutoSFT in {found} (seed {result.seed})."


def _task(bundle: Bundle, registry: Registry, states: Sequence[State]) -> Iterator[str]:
    yield "## Task"
    yield ""
    for target, state in zip(bundle.task.targets, states, strict=True):
        columns = ", ".join(map(_code, [target.columns] if isinstance(target.columns, str) else target.columns))
        problem = registry.problem(target.problem)
        described, classes = problem.describe(state), problem.classes(state)
        named = f"{_code(target.name)}: " if len(states) > 1 else ""
        yield f"- {named}{target.problem} of {columns}" + (f": {_plain(described)}" if described else "")
        if not classes:
            continue
        yield ""
        yield "| class | training rows |"
        yield "|---|---:|"
        yield from (f"| {_code(label)} | {count} |" for label, count in islice(classes.items(), MOST_CLASSES))
        if len(classes) > MOST_CLASSES:
            yield f"| … and {len(classes) - MOST_CLASSES} more | |"


def _data(bundle: Bundle, data: Data, result: Result) -> Iterator[str]:
    yield "## Data"
    yield ""
    yield "| rows | number |"
    yield "|---|---:|"
    counts = {"training": data.train, "validation": data.valid, "test": data.test, "without target": data.unlabeled}
    yield from (f"| {name} | {len(rows)} |" for name, rows in counts.items() if rows is not None and len(rows))
    yield ""
    having = [len(data.labelled.with_target(position)) for position in range(len(bundle.task.targets))]
    if min(having) < len(data.labelled):
        counts = (f"{name} {count}" for name, count in zip(map(_code, bundle.task.target_names), having, strict=True))
        yield f"Rows with a target, of all that have any: {', '.join(counts)}."
        yield ""
    chosen = (
        "The data itself said which rows validate." if data.valid_is_predefined else "Validation rows were split off."
    )
    rows = "more training rows" if data.valid_is_predefined else "training and validation rows together"
    some = "The model was" if len(result.best) == 1 else f"{len(result.refitted)} of {len(result.best)} members were"
    again = f" {some} trained once more on {rows}." if result.refitted else ""
    yield f"{chosen}{again} sha256 of rows and splits: `{data.fingerprint}`."


def _scores(result: Result, data: Data) -> Iterator[str]:
    yield "## Scores"
    yield ""
    yield f"| rows | {_plain(result.metric)} | 95 % interval |"
    yield "|---|---:|---|"
    between = f"{result.interval[0]:.4f} to {result.interval[1]:.4f}" if result.interval else ""
    if result.test is not None:
        yield f"| {result.test_rows} test | {result.test:.4f} | {between} |"
    crossed = all(record.split_score is not None for record in result.best)
    rows = f"{result.best[0].rows} cross-validated" if crossed else f"{len(data.valid)} validation"
    yield f"| {rows} | {result.valid:.4f} | |"
    yield ""
    yield "Higher is better. The model was chosen by its validation score, which is optimistic for that reason."
    if result.test is not None:
        yield f"The interval is a bootstrap over rows (Efron, 1979); test rows have been read {result.test_reads} ×."


def _members(bundle: Bundle, members: Sequence[MemberDocument], result: Result) -> Iterator[str]:
    yield "## Model"
    yield ""
    yield "| weight | backbone | licence of its weights | strategy | weights | trained |"
    yield "|---:|---|---|---|---:|---:|"
    for entry, member, record in zip(bundle.members, members, result.best, strict=True):
        licence = _plain(member.license or member.info.license or "not stated")
        names = f"{_code(member.recipe.backbone)} | {licence} | {_code(member.recipe.strategy)}"
        yield f"| {entry.weight:.2f} | {names} | {record.parameters} | {record.trained} |"
    for entry, member in zip(bundle.members, members, strict=True):
        yield ""
        yield f"The recipe of `{entry.folder}`:"
        yield ""
        yield "```json"
        yield json.dumps(member.recipe.plain(), indent=1, ensure_ascii=False)
        yield "```"


def _use(bundle: Bundle) -> Iterator[str]:
    yield "## Use"
    yield ""
    yield "```sh"
    named = "".join(f" -p {name}" for name in bundle.modules)
    yield f"pip install {' '.join(name for name in bundle.distributions if name not in bundle.modules) or 'autosft'}"
    yield f"autosft predict . INPUT…{named}       # CSV: predictions and probabilities"
    yield f"autosft serve .{named}                # an HTTP service"
    yield f"autosft export . --onnx FILE{named}   # a graph for other programs"
    yield "```"
    yield ""
    yield "```python"
    yield "from autosft import Predictor"
    yield ""
    plugins = f", plugins={list(bundle.modules)}" if bundle.modules else ""
    yield f'predictor = Predictor.load("."{plugins})'
    yield "predictor.predict([…])"
    yield "```"
    yield ""
    yield (
        "The checksums in `bundle.json` are checked before anything is loaded. Nothing is unpickled, and no code of the"
        " bundle is run."
    )


def _limits(bundle: Bundle, registry: Registry, states: Sequence[State], result: Result, data: Data) -> Iterator[str]:
    yield "## Limits"
    yield ""
    yield f"- It answers rows like those that it learned from: {len(data.train)} of them. Of others nothing is known."
    asked = zip(bundle.task.problems, states, strict=True)
    if any(registry.problem(name).classes(state) for name, state in asked):
        yield "- It knows the classes above and no others; what belongs to none of them gets one all the same."
    if result.test is None:
        yield "- No test rows were scored: how good it is on new rows is not known."
    for name, shift in result.shift.items():
        low, high = shift.interval
        told = f"area under the ROC curve {shift.auroc:.2f} ({low:.2f} to {high:.2f}), 0.5 if they are alike"
        yield f"- A classifier tells {name} rows from training rows: {told}."
    yield "- Scores are means over all rows; whether groups of people or things are treated alike was not looked at."
    yield "- The licences of the backbones' weights hold for this model too."


def _versions(result: Result) -> Iterator[str]:
    yield "## Versions"
    yield ""
    yield ", ".join(f"{name} {version}" for name, version in result.versions.items())


def _plain(text: str) -> str:
    """A text on one line, without what Markdown would take for a mark."""
    line = " ".join(text.split())
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|#" else letter for letter in line)


def _code(text: str) -> str:
    """A name as code, within a cell of a table."""
    line = " ".join(str(text).split()).replace("|", "\\|")
    return f"`` {line} ``" if "`" in line else f"`{line}`"
