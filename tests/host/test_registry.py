from __future__ import annotations

import logging

import pytest

from autosft.contracts.recipe import Recipe
from autosft.contracts.record import Epoch, Record
from autosft.contracts.strategy import Strategy
from autosft.contracts.task import Task, TaskTarget
from autosft.errors import PartMissing
from autosft.host.loading import load
from autosft.host.registry import Plugin, Registry

TASK = Task(name="flowers", modality="image", targets=(TaskTarget(problem="classification"),), data={})
RECIPE = Recipe(backbone="any/any", strategy="any")
EPOCH = Epoch(stage="full", number=1, loss=0.5, seconds=1.0)

OBSERVER = """
    from autosft.host.hookspecs import hookimpl
    autosft_api = 2
    heard = []

    @hookimpl
    def autosft_epoch_finished(trial, epoch):
        heard.append(("epoch", trial, epoch.number))
        {epoch}

    @hookimpl
    def autosft_trial_finished(task, run, record):
        heard.append(("trial", task.name, run.name, record.number))
"""


class Probe(Strategy):
    name = "probe"


@pytest.mark.parametrize(
    ("look_up", "name", "command"),
    [
        ("modality", "image", 'pip install "autosft[image]"'),
        ("family", "timm/resnet18.a1_in1k", 'pip install "autosft[all]"'),
        ("family", "timm", 'pip install "autosft[all]"'),
        ("strategy", "probe", 'pip install "autosft[all]"'),
    ],
)
def test_a_missing_part_names_what_would_bring_it(look_up, name, command):
    with pytest.raises(PartMissing) as caught:
        getattr(Registry(), look_up)(name)
    assert f"`{command}`" in str(caught.value)


def test_a_misspelled_part_names_the_near_one():
    with pytest.raises(PartMissing, match=r"'prob'\. Did you mean 'probe'\? Known: probe\.") as caught:
        Registry(strategies={"probe": Probe()}).strategy("prob")
    assert "pip" not in str(caught.value)


@pytest.mark.parametrize("look_up", ["problem", "executor"])
def test_a_part_that_nobody_knows_points_to_the_list(look_up):
    with pytest.raises(PartMissing, match=f"No plugin offers the {look_up} 'riddle'.*`autosft plugins`"):
        getattr(Registry(), look_up)("riddle")


def test_a_missing_part_names_the_failed_plugin_that_might_have_had_it(distributions):
    distributions("stranger-a", source="raise OSError('no such disk')")
    with pytest.raises(PartMissing, match=r"stranger-a 1.0 \(plugin\), which did not load: .*no such disk"):
        load().strategy("sideways")


def test_a_package_that_is_installed_but_broken_is_not_recommended():
    broken = Plugin("autosft-strategies", "0.1", "strategies", "m", status="failed", error="It is torn.")
    names = ("audio", "image", "pretraining", "semisupervised", "text")
    others = [Plugin(f"autosft-{name}", "0.1", name, "m") for name in names]
    with pytest.raises(PartMissing, match=r"autosft-strategies 0.1 .*It is torn") as caught:
        Registry(plugins=(broken, *others)).strategy("probe")
    assert "pip install" not in str(caught.value)


def test_a_family_is_found_by_prefix_or_by_the_name_of_a_backbone():
    family = object()
    registry = Registry(backbones={"timm": family})
    assert registry.family("timm") is registry.family("timm/resnet18.x") is family


def test_an_observer_that_raises_is_dropped_and_logged_once(distributions, caplog, tmp_path):
    distributions("stranger-bad", source=OBSERVER.format(epoch="raise SystemExit"))
    distributions("stranger-good", source=OBSERVER.format(epoch="pass"))
    registry = load()
    import stranger_bad.plugin
    import stranger_good.plugin

    with caplog.at_level(logging.WARNING, logger="autosft.host"):
        registry.epoch_finished(TASK, tmp_path, 4, EPOCH)
        registry.epoch_finished(TASK, tmp_path, 4, EPOCH)
        registry.trial_finished(TASK, tmp_path, Record(number=4, state="done", recipe=RECIPE))
    assert stranger_bad.plugin.heard == [("epoch", 4, 1)]
    assert stranger_good.plugin.heard == [("epoch", 4, 1), ("epoch", 4, 1), ("trial", "flowers", tmp_path.name, 4)]
    assert [(entry.name, "stranger-bad 1.0" in entry.getMessage()) for entry in caplog.records] == [
        ("autosft.host", True)
    ]


def test_an_observer_is_listed_as_one(distributions, rows):
    distributions("stranger-good", source=OBSERVER.format(epoch="pass"))
    assert rows(load())["stranger-good"].parts == ("observer epoch_finished", "observer trial_finished")


def test_an_error_that_an_observer_raises_on_purpose_is_one_line(distributions, caplog, tmp_path):
    raising = "from autosft.api import Unreachable; raise Unreachable('no answer from the board')"
    distributions("stranger-away", source=OBSERVER.format(epoch=raising))
    with caplog.at_level(logging.WARNING, logger="autosft.host"):
        load().epoch_finished(TASK, tmp_path, 4, EPOCH)
    (entry,) = caplog.records
    assert entry.getMessage().endswith("will not be called again: no answer from the board") and not entry.exc_info
