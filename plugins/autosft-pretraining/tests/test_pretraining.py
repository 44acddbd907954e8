"""Every strategy of this package leaves the same encoder whether it was killed or not, and looks at no target."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from autosft.api import Facts, OutOfTime
from autosft.builtin.classification import Classification
from autosft.testing.conformance import PretrainingConformance
from autosft.testing.shapes import ShapesFamily
from autosft.testing.toy import ToyFamily
from autosft.testing.trials import make_runtime
from autosft.training.loop import train
from autosft_pretraining.jigsaw import Jigsaw
from autosft_pretraining.masked import MaskedAutoencoder, MaskedLanguageModel
from autosft_pretraining.objective import Portions
from autosft_pretraining.plugin import autosft_strategies
from autosft_pretraining.two_views import Dino, SimClr, VicReg


class OnPoints(PretrainingConformance):
    @pytest.fixture
    def recipe(self, strategy, quick):
        return quick(strategy, "tiny/wide", epochs=4)


class TestMaskedAutoencoder(OnPoints):
    @pytest.fixture
    def strategy(self):
        return MaskedAutoencoder()


class TestVicReg(OnPoints):
    @pytest.fixture
    def strategy(self):
        return VicReg()


class TestSimClr(OnPoints):
    @pytest.fixture
    def strategy(self):
        return SimClr()


class TestDino(OnPoints):
    @pytest.fixture
    def strategy(self):
        return Dino()


class TestMaskedLanguageModel(PretrainingConformance):
    @pytest.fixture
    def strategy(self):
        return MaskedLanguageModel()

    @pytest.fixture
    def trial(self, strategy, quick, text_trial):
        return text_trial(quick(strategy, "lstm/bidirectional"))


class TestJigsaw(PretrainingConformance):
    @pytest.fixture
    def strategy(self):
        return Jigsaw()

    @pytest.fixture
    def trial(self, strategy, quick, picture_trial):
        return picture_trial(quick(strategy, "timm/test_resnet.r160_in1k", epochs=6, lr=3e-3, tiles=2))


@pytest.mark.slow
class TestMaskedPictures(PretrainingConformance):
    @pytest.fixture
    def strategy(self):
        return MaskedAutoencoder()

    @pytest.fixture
    def trial(self, strategy, quick, picture_trial):
        return picture_trial(quick(strategy, "timm/test_resnet.r160_in1k"))


def test_each_takes_what_it_can_learn_from_and_says_why_it_does_not_take_the_rest():
    points = ToyFamily().curated()[0]
    told = {one.name: one.accepts(Facts(), points, [Classification()]) for one in autosft_strategies()}
    assert {name for name, why in told.items() if not why} == {"mae", "vicreg", "simclr", "dino"}
    assert "tokens" in told["mlm"] and "pictures" in told["jigsaw"]
    fitted = ShapesFamily().match("fitted")[0]
    assert all("trained" in one.accepts(Facts(), fitted, [Classification()]) for one in autosft_strategies())


@pytest.fixture
def text_pretraining(quick, text_trial):
    def make(epochs):
        trial = text_trial(quick(MaskedLanguageModel(), "lstm/bidirectional", epochs=epochs))
        return replace(trial, valid=trial.valid[:0])

    return make


def test_time_that_is_up_after_an_epoch_leaves_what_there_is_and_says_so(text_pretraining):
    trial, epochs = text_pretraining(5), []

    def left():
        return -1.0 if len(epochs) > 1 else 1e9

    trained = train(trial, replace(make_runtime(trial), seconds_left=left), MaskedLanguageModel(), epochs.append)

    assert len(trained.epochs) == 2
    assert trained.notes == ("stage 'mlm' ended after 2 of 5 epochs: there was no time for more",)


def test_time_that_is_up_before_an_epoch_leaves_nothing(text_pretraining):
    trial = text_pretraining(5)
    with pytest.raises(OutOfTime):
        train(trial, replace(make_runtime(trial), seconds_left=lambda: -1.0), MaskedLanguageModel())


class Shuffled:
    """As a loader of batches of fifty rows, each batch its number."""

    batch_size = 50

    def __init__(self, batches):
        self.batches = batches

    def __len__(self):
        return self.batches

    def epoch(self, seed):
        return iter(torch.randperm(self.batches, generator=torch.Generator().manual_seed(seed)).tolist())


def test_a_pass_over_many_rows_is_several_epochs_each_of_other_rows():
    portions = Portions(Shuffled(45))
    assert len(portions) == 12 and portions.per_pass == 4
    first, second = list(portions.epoch(0)), list(portions.epoch(1))
    assert len(first) == len(second) == 12 and set(first) != set(second)
    assert len(Portions(Shuffled(10_000))) == 500 and len(Portions(Shuffled(7))) == 7
