"""Which backbones and strategies a search may try, what it says of the others, and what a parameter is called."""

from __future__ import annotations

import json

import pytest

from autosft.builtin.regression import Regression
from autosft.contracts.backbone import BackboneInfo, Inputs, WeightFile, WeightSource
from autosft.contracts.executor import Executor
from autosft.contracts.facts import Facts
from autosft.contracts.recipe import SHARED
from autosft.contracts.space import Choice, defaults
from autosft.contracts.state import State
from autosft.contracts.strategy import Strategy
from autosft.contracts.task import TaskTarget
from autosft.errors import BadInput, NoCandidates, UnknownName, Unreachable
from autosft.runs.footprint import hardware_of, too_large
from autosft.runs.plan import Plan, make_plan, precheck
from autosft.runs.spec import SearchSpec
from autosft.search.driver import run_search
from autosft.search.space import content_of, recipe_of, space_of
from autosft.testing.toy import ToyFamily, ToyModality


def planned(task, registry, spec, **facts):
    """What a search would plan, of rows of which this is known."""
    return make_plan(task, registry, precheck(task, registry, spec), Facts(**facts))


class Library(ToyFamily.__base__):
    """A family of pretrained encoders."""

    prefix = "library"

    def __init__(self, *infos):
        self.infos = infos

    def curated(self):
        return self.infos

    def match(self, pattern):
        return [info for info in self.infos if info.name == f"library/{pattern}"]

    def build(self, info, recipe, state, weights):
        raise NotImplementedError


class Shelf(WeightSource):
    def __init__(self, order, *, holds=(), silent=""):
        self.name, self.order, self.holds, self.silent, self.asked = f"shelf {order}", order, holds, silent, []

    def find(self, info):
        self.asked.append(info.name)
        if self.silent:
            raise Unreachable(self.silent)
        return WeightFile(source=self.name, path=f"/{info.name}") if info.name in self.holds else None


class Picky(Strategy):
    name = "picky"

    def accepts(self, facts, info, problems):
        return "wants wide ones" if "narrow" in info.name else ""


def info(name, **more):
    return BackboneInfo(name=f"library/{name}", inputs=Inputs(kind="points"), pretrained={"hub": name}, **more)


def names(plan):
    return [candidate.info.name for candidate in plan.candidates]


def test_everything_curated_is_tried_the_highest_prior_first(task, registry):
    plan = planned(task, registry, SearchSpec())

    assert names(plan) == ["tiny/wide", "tiny/narrow"]
    assert plan.candidate("tiny/narrow").strategies == ("toy",)
    assert plan.left_out == {}


@pytest.mark.parametrize("pattern", ["tiny/narrow", "tiny/n*", "narrow", "n*", "*row"])
def test_a_pattern_narrows(task, registry, pattern):
    assert names(planned(task, registry, SearchSpec(backbones=(pattern,)))) == ["tiny/narrow"]


@pytest.mark.parametrize("pattern", ["tiny/narow", "tiny/narrow2"])
def test_an_unknown_backbone_names_the_nearest(task, registry, pattern):
    with pytest.raises(UnknownName, match=r"backbone .* Did you mean 'tiny/narrow'\?"):
        planned(task, registry, SearchSpec(backbones=("tiny/wide", pattern)))


def test_an_unknown_strategy_names_the_nearest(task, registry):
    with pytest.raises(UnknownName, match=r"strategy 'toi'. Did you mean 'toy'\?"):
        planned(task, registry, SearchSpec(strategies=("toi",)))


def test_what_has_no_weights_is_left_out_with_every_reason(task, with_parts):
    library = Library(info("here", prior=0.9), info("gone"))
    shelves = Shelf(10, holds=("library/here",)), Shelf(20, silent="the hub is down")

    plan = planned(task, with_parts(backbones={"library": library}, weights=shelves), SearchSpec())

    assert names(plan) == ["library/here", "tiny/wide", "tiny/narrow"]
    assert plan.left_out == {"library/gone": "no weights at hand (not in shelf 10, the hub is down)"}
    weights = plan.candidate("library/here").weights
    assert weights is not None and weights.source == "shelf 10"


def test_a_later_source_is_not_asked_for_what_an_earlier_one_has(task, with_parts):
    near, far = Shelf(10, holds=("library/here",)), Shelf(20, holds=("library/here",))

    planned(task, with_parts(backbones={"library": Library(info("here"))}, weights=(near, far)), SearchSpec())

    assert near.asked == ["library/here"] and far.asked == []


def test_backbones_that_need_no_weights_are_asked_of_no_source(task, with_parts):
    shelf = Shelf(10)

    planned(task, with_parts(weights=(shelf,)), SearchSpec())

    assert shelf.asked == []


def test_nothing_to_try_names_the_reasons_and_the_mend(task, with_parts):
    registry = with_parts(backbones={"library": Library(info("gone"))}, weights=(Shelf(10),))

    with pytest.raises(NoCandidates, match=r"library/gone: no weights at hand \(not in shelf 10\).*--weights"):
        planned(task, registry, SearchSpec(backbones=("library/*",)))


def test_another_kind_of_inputs_is_left_out_of_the_default(task, with_parts):
    pictures = BackboneInfo(name="library/eye", inputs=Inputs(kind="image"))

    plan = planned(task, with_parts(backbones={"library": Library(pictures)}), SearchSpec())

    assert names(plan) == ["tiny/wide", "tiny/narrow"]


def test_another_kind_of_inputs_is_explained_if_it_was_asked_for(task, with_parts):
    registry = with_parts(backbones={"library": Library(BackboneInfo(name="library/eye", inputs=Inputs(kind="image")))})

    with pytest.raises(NoCandidates, match="library/eye: needs image inputs, which points data does not give"):
        planned(task, registry, SearchSpec(backbones=("library/eye",)))


def test_a_backbone_without_the_outputs_that_the_problem_reads_is_left_out(task, with_parts):
    maps = BackboneInfo(name="library/maps", inputs=Inputs(kind="points"), gives=frozenset({"maps"}))

    plan = planned(task, with_parts(backbones={"library": Library(maps)}), SearchSpec())

    assert plan.left_out == {"library/maps": "gives no pooled"}


def test_a_strategy_that_declines_a_backbone_is_not_paired_with_it(task, with_parts):
    plan = planned(task, with_parts(strategies={"picky": Picky()}), SearchSpec())
    alone = planned(task, with_parts(strategies={"picky": Picky()}), SearchSpec(strategies=("picky",)))

    assert plan.candidate("tiny/wide").strategies == ("toy", "picky")
    assert plan.candidate("tiny/narrow").strategies == ("toy",)
    assert alone.left_out == {"tiny/narrow": "picky: wants wide ones"}


def test_a_strategy_is_asked_with_what_is_known_of_the_rows(task, with_parts):
    class Prototypes(Strategy):
        name = "prototypes"

        def accepts(self, facts, info, problems):
            return "" if facts.classes and facts.fewest >= 4 else "needs four rows of each class"

    registry = with_parts(strategies={"prototypes": Prototypes()})

    enough = planned(task, registry, SearchSpec(), classes=3, fewest=4)
    assert all(one.strategies == ("toy", "prototypes") for one in enough.candidates)
    with pytest.raises(NoCandidates, match="prototypes: needs four rows of each class"):
        planned(task, registry, SearchSpec(strategies=("prototypes",)), classes=3, fewest=3)


def test_a_strategy_that_learns_from_rows_without_targets_is_left_out_where_there_are_none(task, with_parts):
    class Learner(Strategy):
        name, wants = "learner", frozenset({"unlabeled"})

    registry = with_parts(strategies={"learner": Learner()})

    assert planned(task, registry, SearchSpec(), unlabeled=1).candidates[0].strategies == ("toy", "learner")
    assert planned(task, registry, SearchSpec()).candidates[0].strategies == ("toy",)
    with pytest.raises(NoCandidates, match="learner: needs rows without targets"):
        planned(task, registry, SearchSpec(strategies=("learner",)))


def test_typos_are_told_before_a_row_is_read(points, registry, monkeypatch):
    monkeypatch.setattr(ToyModality, "scan", lambda *_: pytest.fail("rows were read"))

    for typo in ({"strategies": ["tyo"]}, {"backbones": ["tiny/narow"]}, {"weights": ["/nowhere"]}):
        with pytest.raises(BadInput):
            run_search(points, registry=registry, **typo)


def test_weights_that_are_not_there_or_nobodys_are_refused(task, registry, tmp_path):
    with pytest.raises(BadInput, match="no such file"):
        planned(task, registry, SearchSpec(weights=(str(tmp_path / "none"),)))
    with pytest.raises(BadInput, match="holds no weights"):
        planned(task, registry, SearchSpec(weights=(str(tmp_path),)))


def test_a_range_of_the_strategys_own_is_named_after_the_strategy(task, registry, plan):
    space = space_of(task, registry, plan, "tiny/wide", "toy")

    toy = registry.strategy("toy")
    assert set(space) == {
        *("toy.optim.lr", "toy.optim.head_lr", "toy.stop.max_epochs"),
        *("optim.batch_size", "regular.augment", "tiny.activation", "points.noise", "classification.loss"),
    }
    assert space["toy.optim.lr"] == toy.space["optim.lr"] != SHARED["optim.lr"]
    assert space["optim.batch_size"] == SHARED["optim.batch_size"]


class Careful(ToyFamily.__base__):
    """A family whose encoders are taught slowly, and whose space depends on the encoder."""

    prefix, rate, space = "tiny", 0.1, {"activation": Choice(("tanh", "relu")), "depth": Choice((1, 2))}
    curated, match, build = ToyFamily.curated, ToyFamily.match, ToyFamily.build

    def space_for(self, info):
        return {name: choice for name, choice in self.space.items() if name != "depth" or info.name == "tiny/wide"}


def test_a_family_scales_the_rates_of_its_encoders_and_narrows_its_space(task, with_parts, plan):
    registry = with_parts(backbones={"tiny": Careful()})
    wide, narrow = (space_of(task, registry, plan, name, "toy") for name in ("tiny/wide", "tiny/narrow"))
    usual = registry.strategy("toy").space["optim.lr"]
    mine = wide["tiny.toy.optim.lr"]
    assert (mine.low, mine.high, mine.default) == pytest.approx((usual.low / 10, usual.high / 10, usual.default / 10))
    assert mine.log and "toy.optim.lr" not in wide
    assert wide["toy.optim.head_lr"] == registry.strategy("toy").space["optim.head_lr"]
    assert set(wide) - set(narrow) == {"tiny.depth"}
    recipe = recipe_of({"backbone": "tiny/wide", "strategy": "toy", **defaults(wide)}, 1)
    assert recipe.optim.lr == mine.default and recipe.of("tiny") == {"activation": "tanh", "depth": 1}


def test_augmentation_is_sampled_only_where_views_are(task, with_parts, plan):
    assert set(space_of(task, with_parts(strategies={"picky": Picky()}), plan, "tiny/wide", "picky")) == {
        *("tiny.activation", "classification.loss")
    }


def test_what_every_problem_of_a_task_ignores_is_not_sampled(task, with_parts, plan):
    class Smooth(Strategy):
        name, uses = "smooth", frozenset({"regular.label_smoothing", "optim.lr"})

    parts = with_parts(strategies={"smooth": Smooth()}, problems={"regression": Regression()})

    def names(*problems):
        asked = task.model_copy(update={"targets": tuple(TaskTarget(problem=name, columns=name) for name in problems)})
        return set(space_of(asked, parts, plan, "tiny/wide", "smooth")) - {"tiny.activation"}

    one = {"regular.label_smoothing", "optim.lr", "classification.loss"}
    assert names("classification") == one
    assert names("regression") == {"optim.lr", "regression.loss"}
    assert names("classification", "regression") == one | {"regression.loss"}


def test_rows_are_not_mixed_if_one_of_the_problems_has_a_loss_of_a_whole_batch(task, with_parts, plan):
    class Mixes(Strategy):
        name, uses = "mixes", frozenset({"regular.mixup"})

    class Whole(Regression):
        name, loss_per_row = "whole", False

    parts = with_parts(strategies={"mixes": Mixes()}, problems={"whole": Whole()})
    targets = TaskTarget(problem="classification"), TaskTarget(problem="whole", columns="height")
    asked = task.model_copy(update={"targets": targets})

    assert "regular.mixup" in space_of(task, parts, plan, "tiny/wide", "mixes")
    assert "regular.mixup" not in space_of(asked, parts, plan, "tiny/wide", "mixes")


def test_what_means_nothing_to_the_inputs_or_the_metric_is_not_sampled(task, with_parts, plan):
    class Regularized(Strategy):
        name, uses = "regularized", frozenset({"regular.mixup", "regular.cutmix", "regular.balance"})

    def names(metric=""):
        parts = with_parts(strategies={"regularized": Regularized()})
        asked = task.with_metrics([metric])
        return {name for name in space_of(asked, parts, plan, "tiny/wide", "regularized") if "regular." in name}

    assert names() == names("accuracy") == {"regular.mixup"}
    assert names("balanced_accuracy") == {"regular.mixup", "regular.balance"}


def test_what_an_encoder_ignores_is_not_sampled(task, with_parts, plan):
    class Eager(Strategy):
        name, uses = "eager", frozenset({"optim.lr", "optim.l2_sp", "regular.drop_path"})

    class Dropping(Careful):
        rate, space = 1.0, {}

        def ignores(self, info):
            return super().ignores(info) - {"regular.drop_path"}

    def names(family, **changed):
        entry = plan.candidate("tiny/wide")
        entry = entry.model_copy(update={"info": entry.info.model_copy(update=changed)})
        changed_plan = plan.model_copy(update={"candidates": (entry,)})
        parts = with_parts(strategies={"eager": Eager()}, backbones={"tiny": family})
        return set(space_of(task, parts, changed_plan, "tiny/wide", "eager")) - {"classification.loss"}

    assert names(Dropping()) == Eager.uses
    assert names(Dropping(), origin="scratch") == {"optim.lr", "regular.drop_path"}
    assert names(ToyFamily()) == {"optim.lr", "optim.l2_sp", "tiny.activation"}


def test_a_recipe_holds_what_the_parameters_said(task, registry, plan):
    space = space_of(task, registry, plan, "tiny/wide", "toy")
    chosen = {
        **{"toy.optim.lr": 0.05, "toy.optim.head_lr": 0.2, "toy.stop.max_epochs": 7, "optim.batch_size": 16},
        **{"regular.augment": "strong", "tiny.activation": "relu", "points.noise": 0.3, "classification.loss": "focal"},
    }
    assert set(chosen) == set(space) and all(space[name].holds(value) for name, value in chosen.items())

    recipe = recipe_of({"backbone": "tiny/wide", "strategy": "toy", **chosen}, 11)

    assert (recipe.backbone, recipe.strategy, recipe.seed) == ("tiny/wide", "toy", 11)
    assert (recipe.optim.lr, recipe.optim.head_lr, recipe.optim.batch_size) == (0.05, 0.2, 16)
    assert (recipe.stop.max_epochs, recipe.regular.augment) == (7, "strong")
    assert recipe.of("tiny") == {"activation": "relu"} and recipe.of("points") == {"noise": 0.3}
    assert recipe.of("classification") == {"loss": "focal"}


def test_different_parameters_never_make_the_same_recipe(task, registry, plan):
    space = space_of(task, registry, plan, "tiny/wide", "toy")
    plain = {"backbone": "tiny/wide", "strategy": "toy", **defaults(space)}
    other = {"toy.optim.lr": 0.03, "tiny.activation": "relu", "points.noise": 0.02, "optim.batch_size": 64}

    recipes = [recipe_of({**plain, name: value}, 0).model_dump_json() for name, value in other.items()]

    assert len({*recipes, recipe_of(plain, 0).model_dump_json()}) == len(other) + 1


def test_what_cannot_fit_the_memory_is_left_out_with_the_reason(task, with_parts):
    class Frozen(Strategy):
        name, cheap = "frozen", True

    library = Library(info("large", parameters=10**9), info("medium", parameters=10**8), info("small"))
    shelf = Shelf(10, holds=("library/large", "library/medium", "library/small"))
    registry = with_parts(backbones={"library": library}, weights=(shelf,), strategies={"frozen": Frozen()})

    spec = SearchSpec(backbones=("library/*",))
    plan = planned(task, registry, spec, memory=2e9)

    assert {one.info.name: one.strategies for one in plan.candidates} == {
        "library/medium": ("frozen",),
        "library/small": ("toy", "frozen"),
    }
    assert plan.left_out == {
        "library/large with toy": "needs about 16.5 GB of memory, and 2.0 GB are free",
        "library/large with frozen": "needs about 4.5 GB of memory, and 2.0 GB are free",
        "library/medium with toy": "needs about 2.1 GB of memory, and 2.0 GB are free",
    }
    assert len(planned(task, registry, spec).candidates) == 3
    with pytest.raises(NoCandidates, match=r"library/large with toy: needs about 16\.5 GB"):
        planned(task, registry, SearchSpec(backbones=("library/large",)), memory=2e9)


def test_a_strategy_that_trains_little_takes_little_memory(with_parts, task, registry):
    class Little(Strategy):
        name, trains = "little", 0.0

    info = registry.family("tiny").curated()[0].model_copy(update={"parameters": 1_000_000_000})

    assert too_large(info, registry.strategy("toy"), 8e9) == "needs about 16.5 GB of memory, and 8.0 GB are free"
    assert too_large(info, Little(), 8e9) == ""


def test_the_memory_of_workers_on_this_machine_is_shared_out(with_parts, registry, monkeypatch):
    class Elsewhere(Executor):
        name = "elsewhere"

        def open(self, *, slots, threads, device, log):
            raise NotImplementedError

    registry = with_parts(executors={"elsewhere": Elsewhere()})
    monkeypatch.setattr("autosft.runs.footprint.free_bytes", lambda: 16e9)
    monkeypatch.setattr("autosft.runs.footprint.card_bytes", lambda: cards)

    def memory(device, **more):
        return hardware_of(registry, SearchSpec(device=device, **more))["memory"]

    cards = []
    assert (memory("cpu"), memory("auto", workers=2), memory("cuda")) == (16e9, 8e9, None)
    cards = [8e9, 80e9]
    assert (memory("cpu"), memory("auto", workers=3), memory("cuda:1", workers=2)) == (16e9, 4e9, 40e9)
    assert memory("cpu", executor="elsewhere") is None
    assert hardware_of(registry, SearchSpec(device="auto"))["device"] == "cuda"


class Near(ToyModality.__base__):
    """Points that can be looked at from afar, unless they have few numbers."""

    name, kinds, space = "points", ToyModality.kinds, {"near": Choice((1.0, 0.5))}
    recognize, scan, collect, read = ToyModality.recognize, ToyModality.scan, ToyModality.collect, ToyModality.read
    view, collate = ToyModality.view, ToyModality.collate

    def space_for(self, inputs, state):
        return self.space if state.values.get("numbers", 0) > 4 else {}


@pytest.mark.parametrize("numbers, chosen", [(4, False), (5, True)])
def test_the_space_follows_from_what_the_modality_learned_of_the_rows(task, with_parts, plan, numbers, chosen):
    registry = with_parts(modalities={"points": Near()})
    learned = plan.model_copy(update={"state": State({"numbers": numbers})})
    assert ("points.near" in space_of(task, registry, learned, "tiny/wide", "toy")) == chosen
    again = Plan.parse(json.loads(learned.model_dump_json()), "run.json")
    assert again == learned


def test_two_recipes_are_the_same_whatever_the_order_of_their_parameters_and_the_seed():
    params = {"backbone": "tiny/narrow", "strategy": "toy", "tiny.activation": "tanh", "classification.loss": "focal"}
    turned = dict(reversed(params.items()))

    assert content_of(recipe_of(params, 1)) == content_of(recipe_of(turned, 2))
    assert content_of(recipe_of(params, 1)) != content_of(recipe_of(params | {"tiny.activation": "relu"}, 1))
