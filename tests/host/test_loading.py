from __future__ import annotations

import os
import re
import sys

import pytest

from autosft.errors import PartMissing, PluginBroken
from autosft.host.loading import load

HEAD = "from autosft.host.hookspecs import hookimpl\nautosft_api = 2\n"
OFFER = HEAD + "@hookimpl\ndef autosft_strategies():\n    return {}\n"
STRATEGY = "from autosft.contracts.strategy import Strategy\n"

# name: the source of a broken plugin, and what its row must say
BROKEN = {
    "import-error": ("import nothing_of_this_name", "Importing .*nothing_of_this_name"),
    "syntax-error": ("def", "Importing .*SyntaxError"),
    "exit": ("import sys; sys.exit(3)", r"Importing .* called sys.exit\(3\)"),
    "exit-in-hook": (HEAD + "@hookimpl\ndef autosft_weights():\n    raise SystemExit", r"autosft_weights\(\) called"),
    "error-in-hook": (OFFER.format("1 / 0"), r"autosft_strategies\(\) raised ZeroDivisionError"),
    "error-in-generator": (OFFER.format("(1 / n for n in [0])"), r"autosft_strategies\(\) raised ZeroDivisionError"),
    "unknown-hook": (HEAD + "@hookimpl\ndef autosft_strategy():\n    pass", "Did you mean 'autosft_strategies'"),
    "unknown-unmarked": (HEAD + "def autosft_callbacks():\n    pass", "Unknown hook 'autosft_callbacks'"),
    "unknown-optional": (HEAD + "@hookimpl(optionalhook=True)\ndef other():\n    pass", "Unknown hook 'other'"),
    "not-marked": (HEAD + "def autosft_strategies():\n    return []", "autosft_strategies .*@hookimpl"),
    "signature": (
        HEAD + "@hookimpl\ndef autosft_strategies(registrar):\n    pass",
        r"'registrar'.*autosft_strategies\(\) -> ",
    ),
    "keyword-only": (
        HEAD + "@hookimpl\ndef autosft_epoch_finished(*, task):\n    pass",
        r"'task'.*\(task: Task, run: Path, trial",
    ),
    "nothing": (OFFER.format("None"), r"autosft_strategies\(\) gave nothing"),
    "not-iterable": (OFFER.format("7"), r"autosft_strategies\(\) gave an object of type int"),
    "wrong-class": (OFFER.format("['probe']"), "gave an object of type str, which is not a Strategy"),
    "class-itself": (STRATEGY + OFFER.format("[Strategy]"), "gave the class Strategy"),
    "without-name": (STRATEGY + OFFER.format("[Strategy()]"), "type Strategy whose `name` is None"),
    "twice": (STRATEGY + "class S(Strategy):\n    name = 's'\n" + OFFER.format("[S(), S()]"), "strategy 's' twice"),
    "without-api": ("from autosft.host.hookspecs import hookimpl", "add the line `autosft_api = 2`"),
    "newer-api": ("autosft_api = 99", "made for API 99 .*install a newer autosft"),
    "older-api": ("autosft_api = 0", "made for API 0 .*install a newer stranger-older-api"),
}


def test_a_plugin_on_disk_offers_its_parts(distributions, rows):
    distributions("stranger-one", strategy="sideways")
    registry = load()
    assert registry.strategy("sideways").name == "sideways"
    row = rows(registry)["stranger-one"]
    assert (row.version, row.name, row.module, row.api) == ("1.0", "plugin", "stranger_one.plugin", 2)
    assert (row.status, row.parts, row.error) == ("ok", ("strategy sideways",), "")
    assert row.seconds > 0


def test_each_broken_plugin_is_one_named_row_and_stops_no_other(distributions, rows):
    distributions("stranger-a-good")
    for kind, (source, _) in BROKEN.items():
        distributions(f"stranger-{kind}", source=source)
    distributions("stranger-z-good")
    registry = load()
    found = rows(registry)
    for kind, (_, line) in BROKEN.items():
        row = found.pop(f"stranger-{kind}")
        assert (row.status, row.parts) == ("failed", ()), kind
        assert re.search(line, row.error), (kind, row.error)
        assert "\n" not in row.error
    assert {name: row.status for name, row in found.items()} == {"stranger-a-good": "ok", "stranger-z-good": "ok"}
    assert set(registry.strategies) == {"stranger-a-good", "stranger-z-good"}


def test_of_two_plugins_with_the_same_part_the_later_fails_whole(distributions, rows):
    two = STRATEGY + "class S(Strategy):\n    def __init__(self, name):\n        self.name = name\n"
    distributions("stranger-a", strategy="sideways")
    distributions("stranger-b", source=two + OFFER.format("[S('another'), S('sideways')]"))
    registry = load()
    assert rows(registry)["stranger-a"].status == "ok"
    later = rows(registry)["stranger-b"]
    assert later.status == "failed"
    assert "strategy 'sideways' has the name of the strategy of stranger-a 1.0" in later.error
    assert set(registry.strategies) == {"sideways"}


PROBLEM = """
from autosft.contracts.metric import Metric, by_name

class P(Problem):
    name, needs, metrics = {name!r}, frozenset(), by_name(Metric("m", {name!r}, lambda truth: 0.0))
    fit = head = encode = loss = outputs = validation_loss = decide = score = None

@hookimpl
def autosft_problems():
    return [P()]
"""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sideways", "problem 'sideways' has the name of the strategy of stranger-a 1.0"),
        ("s", "strategy 's' has the name of the problem beside it"),
        ("optim", "problem is named 'optim', which means something else in a recipe"),
        ("other", ""),
    ],
)
def test_names_under_which_recipes_hold_parameters_are_unique_across_kinds(distributions, rows, name, said):
    distributions("stranger-a", strategy="sideways")
    classes = STRATEGY + "from autosft.contracts.problem import Problem\nclass S(Strategy):\n    name = 's'\n"
    distributions("stranger-b", source=classes + OFFER.format("[S()]") + PROBLEM.format(name=name))
    row = rows(load())["stranger-b"]
    assert (row.status == "ok") == (not said) and said in row.error


METRIC = """
from autosft.contracts.metric import Metric

@hookimpl
def autosft_metrics():
    return [Metric({name!r}, "other", lambda truth, answered: 0.0, **{options!r})]
"""


@pytest.mark.parametrize("package", ["stranger-a", "stranger-z"])
def test_a_metric_stands_beside_those_of_its_problem_whoever_is_loaded_first(distributions, rows, package):
    source = HEAD + "from autosft.contracts.problem import Problem\n" + PROBLEM.format(name="other")
    distributions("stranger-m", source=source)
    distributions(package, source=HEAD + METRIC.format(name="mine", options={}))
    registry = load()
    assert list(registry.problem("other").metrics) == ["m", "mine"]
    assert rows(registry)[package].parts == ("metric other.mine",)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("m", {}, "metric 'other.m' has the name of the metric of stranger-a 1.0"),
        ("a,b", {}, "gave a metric named 'a,b'"),
        ("mine", {"range": (1.0, 0.0)}, "give the least number first"),
    ],
)
def test_a_metric_that_cannot_be_asked_for_is_said_to_be_so(distributions, rows, name, options, said):
    source = HEAD + "from autosft.contracts.problem import Problem\n" + PROBLEM.format(name="other")
    distributions("stranger-a", source=source)
    distributions("stranger-b", source=HEAD + METRIC.format(name=name, options=options))
    row = rows(load())["stranger-b"]
    assert row.status == "failed" and said in row.error


def test_a_metric_of_a_problem_that_is_not_there_waits_for_it(distributions, rows):
    distributions("stranger-a", source=HEAD + METRIC.format(name="mine", options={}))
    registry = load()
    assert rows(registry)["stranger-a"].status == "ok" and not registry.problems


def test_strict_mode_raises_at_the_first_broken_plugin(distributions, monkeypatch):
    distributions("stranger-a")
    distributions("stranger-b", source="raise OSError('disk')")
    distributions("stranger-c", source="raise OSError('other')")
    monkeypatch.setenv("AUTOSFT_STRICT_PLUGINS", "1")
    with pytest.raises(
        PluginBroken, match=r"stranger-b 1.0 \(plugin\): Importing stranger_b.plugin raised OSError: disk"
    ):
        load()
    monkeypatch.setenv("AUTOSFT_STRICT_PLUGINS", "0")
    assert "stranger-a" in load().strategies


def test_a_disabled_plugin_is_listed_but_not_imported(distributions, rows, monkeypatch):
    distributions("stranger-a")
    distributions("stranger-b", source="raise OSError")
    distributions("stranger-c", entry="third")
    others = os.environ["AUTOSFT_DISABLE_PLUGINS"]
    monkeypatch.setenv("AUTOSFT_DISABLE_PLUGINS", f"Stranger_B, third,{others}")
    registry = load()
    statuses = {name: row.status for name, row in rows(registry).items()}
    assert statuses == {"stranger-a": "ok", "stranger-b": "disabled", "stranger-c": "disabled"}
    assert "stranger_b" not in sys.modules
    with pytest.raises(PartMissing, match=r"stranger-c 1.0 \(third\), which AUTOSFT_DISABLE_PLUGINS disables"):
        registry.strategy("stranger-c")


def test_plugins_load_in_order_of_distribution_and_name(distributions, rows):
    listing = "[autosft]\nz = stranger_b.plugin\na = stranger_b.other\n"
    distributions("stranger-c")
    distributions("stranger-b", listing=listing)
    distributions("Stranger-A")
    found = [(row.distribution, row.name) for row in load().plugins if row.distribution.lower().startswith("stranger")]
    assert found == [("Stranger-A", "plugin"), ("stranger-b", "a"), ("stranger-b", "z"), ("stranger-c", "plugin")]


def test_a_distribution_found_twice_counts_once_as_python_would_import_it(distributions, tmp_path, monkeypatch):
    distributions("stranger-a", strategy="first")
    distributions("stranger-a", folder=tmp_path / "below", strategy="second")
    distributions("stranger-b", folder=tmp_path / "below", entry="b")
    distributions("stranger-c", listing="[console_scripts]\n")
    distributions("stranger-c", folder=tmp_path / "below")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "below"), str(tmp_path)])
    registry = load()
    assert [row.distribution for row in registry.plugins if row.distribution == "stranger-a"] == ["stranger-a"]
    assert set(registry.strategies) == {"first", "stranger-b"}


def test_a_malformed_list_of_entry_points_stops_nothing(distributions, rows):
    distributions("stranger-a", listing="[autosft]\nno equals sign\n")
    distributions("stranger-b", listing="[console_scripts]\nno equals sign\n")
    distributions("stranger-c")
    found = rows(load())
    assert set(found) == {"stranger-a", "stranger-c"}
    assert "entry_points.txt is not well-formed" in found["stranger-a"].error
    assert found["stranger-c"].status == "ok"


def test_sources_of_weights_are_asked_by_order_then_name(distributions):
    source = """
        from autosft.contracts.backbone import WeightSource
        from autosft.host.hookspecs import hookimpl
        autosft_api = 2

        class Mirror(WeightSource):
            def __init__(self, name, order):
                self.name, self.order = name, order

            def find(self, info):
                return None

        @hookimpl
        def autosft_weights():
            yield from (Mirror("b", 20), Mirror("a", 20), Mirror("c", 10))
    """
    distributions("stranger-a", source=source)
    assert [source.name for source in load().weights] == ["c", "a", "b"]


def test_a_warning_at_import_breaks_no_plugin_of_a_user(distributions, child, tmp_path):
    distributions("stranger-a", source="import warnings\nwarnings.warn('old', DeprecationWarning)\nautosft_api = 2\n")
    code = """
        from autosft.host.loading import load
        print(*[row.status for row in load().plugins if row.distribution == "stranger-a"])
    """
    assert child(code, tmp_path).stdout == "ok\n"


def test_loading_and_listing_import_nothing_heavy(distributions, child, tmp_path):
    distributions("stranger-a")
    code = """
        import sys
        import autosft.cli.plugins
        from autosft.host.loading import load
        assert not [name for name in sys.modules if name.startswith("stranger")], "work at import"
        assert "stranger-a" in load().strategies
        heavy = {"torch", "torchvision", "timm", "optuna", "sklearn", "pandas", "plotly"}
        print(sorted(heavy & set(sys.modules)))
    """
    outcome = child(code, tmp_path)
    assert (outcome.stdout, outcome.returncode) == ("[]\n", 0), outcome.stderr
