"""The LSTM: from scratch, on tokens that it learned itself, whatever the script."""

import pytest
import torch

from autosft.api import Recipe, Row, Rows
from autosft.host.loading import load
from autosft.testing.conformance import BackboneConformance
from autosft.testing.trials import make_runtime, make_trial
from autosft.training.loop import train
from autosft_text.lstm_family import LstmFamily
from autosft_text.modality import TextModality

FAMILY = LstmFamily()
RECIPE = Recipe(backbone="lstm/bidirectional", strategy="full", seed=1)


class TestLstm(BackboneConformance):
    @pytest.fixture
    def family(self):
        return FAMILY

    @pytest.fixture
    def modality(self):
        return TextModality()

    @pytest.fixture
    def data_path(self, reviews):
        return reviews


def test_rows_do_not_depend_on_their_neighbors(sentences):
    (info,) = FAMILY.match("*")
    texts = ["这部电影非常好看", "", "🙂", *(text for text, _ in sentences(20))]
    rows = Rows.of(Row(str(n), text) for n, text in enumerate(texts))
    state = FAMILY.fit(info, rows, lambda row: row.ref)
    encoder = FAMILY.build(info, RECIPE, state, None).eval()
    with torch.inference_mode():
        together = encoder(texts)["pooled"]
        for text, pooled in zip(texts, together, strict=True):
            torch.testing.assert_close(encoder([text])["pooled"][0], pooled, atol=1e-5, rtol=1e-4)
    assert FAMILY.fit(info, rows, lambda row: row.ref).digest() == state.digest()


def test_it_learns_and_one_seed_gives_one_model(tmp_path, reviews):
    registry = load()
    if "full" not in registry.strategies:
        pytest.skip("autosft-strategies is not installed")
    task = TextModality().recognize(reviews).task
    optim = RECIPE.optim.model_copy(update={"lr": 1e-2, "head_lr": 1e-2, "batch_size": 16})
    recipe = RECIPE.changed(optim=optim, stop=RECIPE.stop.model_copy(update={"max_epochs": 5}))
    trials = [make_trial(tmp_path / name, task, registry, recipe) for name in ("a", "b")]
    first, second = (train(trial, make_runtime(trial), registry.strategy("full")) for trial in trials)
    assert first.evaluation.score > 0.9
    states = first.model.state_dict(), second.model.state_dict()
    assert all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())
