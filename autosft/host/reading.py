"""`read`: from an imported plugin to its hooks and parts, checked, or one line that says what is wrong with it.

It sees one plugin at a time, so that an error is blamed on nobody else. It knows neither distributions nor what other
plugins offer.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import pluggy

from autosft.contracts.backbone import BackboneFamily, WeightSource
from autosft.contracts.executor import Executor
from autosft.contracts.metric import Metric
from autosft.contracts.modality import Modality
from autosft.contracts.problem import Problem
from autosft.contracts.section import ReportSection
from autosft.contracts.strategy import Strategy
from autosft.errors import PluginBroken, UnknownName
from autosft.host import hookspecs

# What each offering hook must give: the kind of part, in a user's words, and its contract.
OFFERS = {
    "autosft_modalities": ("modality", Modality),
    "autosft_backbones": ("backbone", BackboneFamily),
    "autosft_problems": ("problem", Problem),
    "autosft_metrics": ("metric", Metric),
    "autosft_strategies": ("strategy", Strategy),
    "autosft_weights": ("weights", WeightSource),
    "autosft_executors": ("executor", Executor),
    "autosft_report_sections": ("section", ReportSection),
}

Hooks = Mapping[str, pluggy.HookCaller]
Key = tuple[str, str]  # the kind and the name of a part


def read(plugin: object) -> tuple[Hooks, dict[Key, Any]]:
    """The hooks that the plugin implements, and the parts that it offers.

    Raises:
        PluginBroken: A hook is unknown, has a wrong signature, raises, or gives what its contract does not allow.
    """
    hooks = _register(plugin)
    offered: dict[Key, Any] = {}
    for hook, (kind, contract) in OFFERS.items():
        if hook not in hooks:
            continue
        with blame(f"{hook}()"):
            for part in _parts(hook, hooks[hook]()):
                key = (kind, _name(hook, part, contract))
                if key in offered:
                    raise PluginBroken(f"{hook}() gave the {kind} {key[1]!r} twice; rename one of them.")
                offered[key] = part
    return hooks, offered


@contextmanager
def blame(doing: str) -> Generator[None, None, None]:
    """Turn whatever a plugin raises into a `PluginBroken` of one line. A plugin may call `sys.exit`, as scripts do."""
    try:
        yield
    except PluginBroken:
        raise
    except SystemExit as error:
        raise PluginBroken(f"{doing} called sys.exit({error.code!r}); a plugin must not end the program.") from error
    except Exception as error:
        line = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".:")
        mend = " `pip check` names missing packages." if isinstance(error, ImportError) else ""
        raise PluginBroken(f"{doing} raised {line}.{mend}") from error


def _register(plugin: object) -> Hooks:
    alone = pluggy.PluginManager(hookspecs.GROUP)
    alone.add_hookspecs(hookspecs)
    known = [name for name in dir(hookspecs) if alone.parse_hookspec_opts(hookspecs, name) is not None]
    with blame("Reading its hooks"):
        for name, function in inspect.getmembers(plugin, callable):
            options = alone.parse_hookimpl_opts(plugin, name)
            if options is None and not name.startswith(f"{hookspecs.GROUP}_"):
                continue
            hook = (options and options.get("specname")) or name
            if hook not in known:
                raise PluginBroken(str(UnknownName("hook", hook, known)))
            if options is None:  # pluggy would pass over it in silence
                raise PluginBroken(f"{hook} is not a hook yet; define it with `def` and decorate it with `@hookimpl`.")
            _check_signature(hook, function)
        alone.register(plugin)
    return {caller.name: caller for caller in alone.get_hookcallers(plugin) or ()}


def _check_signature(hook: str, function: Any) -> None:
    signature = inspect.signature(vars(hookspecs)[hook])
    wrong = [
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        # pluggy passes by position alone
        and (parameter.name not in signature.parameters or parameter.kind is parameter.KEYWORD_ONLY)
    ]
    if wrong:
        right = f"{hook}{signature}".replace("'", "")
        raise PluginBroken(f"{hook} cannot be given its argument {wrong[0]!r}; the signature is `{right}`.")


def _parts(hook: str, answers: list[Any]) -> Iterator[Any]:
    if not answers:  # pluggy leaves None out
        raise PluginBroken(f"{hook}() gave nothing; return a list of parts.")
    for answer in answers:
        if not isinstance(answer, Iterable):
            raise PluginBroken(f"{hook}() gave an object of type {type(answer).__name__}; return a list of parts.")
        yield from answer


def _name(hook: str, part: Any, contract: type) -> str:
    """The name of a part, after a check of what the host itself relies on."""
    given = type(part).__name__
    if isinstance(part, type):
        raise PluginBroken(f"{hook}() gave the class {part.__name__}; return instances, such as {part.__name__}().")
    if not isinstance(part, contract):
        raise PluginBroken(
            f"{hook}() gave an object of type {given}, which is not a {contract.__name__}; inherit from it."
        )
    word = "prefix" if isinstance(part, BackboneFamily) else "name"
    try:
        name = part.prefix if isinstance(part, BackboneFamily) else part.name
    except AttributeError:
        name = None
    if not isinstance(name, str) or not name or (word == "prefix" and "/" in name):
        raise PluginBroken(f"{hook}() gave an object of type {given} whose `{word}` is {name!r}; set a short text.")
    order: Any = part.order if isinstance(part, WeightSource) else 0
    if not isinstance(order, int):
        raise PluginBroken(f"{hook}() gave an object of type {given} whose `order` is not a whole number.")
    if isinstance(part, Metric):
        return f"{part.problem}.{_metric(part)}"
    metrics: Any = part.metrics if isinstance(part, Problem) else {}
    known = cast("Mapping[str, Any]", metrics) if isinstance(metrics, Mapping) else {"": None}
    if not all(isinstance(one, Metric) for one in known.values()):
        raise PluginBroken(f"{hook}() gave an object of type {given} whose `metrics` are not Metrics by name.")
    return name


def _metric(metric: Metric) -> str:
    """Its name, after a check of what `--metric` and the search rely on."""
    if not re.fullmatch(r"[\w-]+", metric.name):
        raise PluginBroken(
            f"autosft_metrics() gave a metric named {metric.name!r}; use letters, digits, _ and -, as for --metric."
        )
    if not callable(metric.function) or not metric.takes:
        raise PluginBroken(f"The function of the metric {metric.name!r} takes nothing, such as truth and answered.")
    if not metric.range[0] < metric.range[1]:
        raise PluginBroken(f"The range of the metric {metric.name!r} is {metric.range}; give the least number first.")
    return metric.name
