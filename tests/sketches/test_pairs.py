"""Proves losses over several rows: what belongs together stays so in parts, and a whole batch has no parts."""

from dataclasses import replace

import pytest
import torch
from pairs import Contrastive

from autosft.builtin.classification import Classification
from autosft.testing.conformance import StrategyConformance
from autosft.testing.trials import default_recipe
from autosft.training.loop import train
from autosft.training.model import build_model


class OfKinds(StrategyConformance):
    @pytest.fixture
    def strategy(self):
        return Contrastive()

    @pytest.fixture
    def recipe(self, strategy, kind):
        recipe = default_recipe(strategy, "tiny/wide")
        return recipe.changed(own={"contrastive": {"of": kind}}, optim=recipe.optim.model_copy(update={"lr": 1e-2}))


class TestPairsOfRows(OfKinds):
    @pytest.fixture
    def kind(self):
        return "rows"


class TestViewsOfRows(OfKinds):
    @pytest.fixture
    def kind(self):
        return "views"


def stage_of(points_trial, runtime, kind):
    trial = points_trial("contrastive", Classification()).with_recipe(own={"contrastive": {"of": kind}})
    model = build_model(trial.parts, runtime)
    stage, _ = Contrastive().stages(trial, runtime, model)
    return trial, stage, model


@pytest.mark.parametrize("size", [1, 2, 5, 9])
def test_pairs_stay_together_and_add_up(size, points_trial, runtime):
    _, stage, model = stage_of(points_trial, runtime, "rows")
    batch = next(iter(stage.batches.epoch(0)))

    def slopes(parts):
        model.zero_grad()
        for part in parts:
            (stage.loss(part) * (len(part) / len(batch))).backward()
        return torch.cat([parameter.grad.flatten() for parameter in model.encoder.parameters()])

    parts = list(batch.split(size, together=stage.divisible))
    assert max(map(len, parts)) == max(2, size // 2 * 2)
    torch.testing.assert_close(slopes(parts), slopes([batch]))


def test_where_memory_is_short_a_whole_batch_is_made_smaller_and_the_trial_says_so(points_trial, runtime, monkeypatch):
    trial, stage, _ = stage_of(points_trial, runtime, "views")
    sizes = []

    def watched(self, trial, runtime, model):
        for part in stages(self, trial, runtime, model):
            if part.name == "pull":
                part = replace(part, loss=lambda batch, part=part: sizes.append(len(batch)) or part.loss(batch))
            yield part

    stages = Contrastive.stages
    monkeypatch.setattr(Contrastive, "stages", watched)
    size = trial.parts.recipe.optim.batch_size
    for most, expected in ((0, size), (size, size), (size // 2, size // 2), (size // 3, 4)):
        sizes.clear()
        trained = train(
            replace(trial, folder=trial.folder / str(most)), replace(runtime, micro_batch=most), Contrastive()
        )
        assert max(sizes) == expected and min(sizes) > 1 and len(trained.epochs) == stage.epochs
        told = [note for note in trained.notes if f"in batches of {expected} rows instead of {size}" in note]
        assert len(told) == len(trained.notes) == (0 < most < size)
