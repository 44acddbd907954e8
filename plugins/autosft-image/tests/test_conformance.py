from typing import ClassVar

import pytest

from autosft.api import Recipe, State
from autosft.testing.conformance import BackboneConformance, ModalityConformance, WeightSourceConformance
from autosft_image.cnn_family import NETWORKS, CnnFamily
from autosft_image.curated import BY_NAME
from autosft_image.modality import ImageModality
from autosft_image.packages import EfficientNetLitePackages
from autosft_image.timm_family import TimmFamily


class OfImages:
    size: ClassVar[tuple[int, int]] = (48, 64)

    @pytest.fixture
    def modality(self):
        return ImageModality()

    @pytest.fixture
    def data_path(self, save, tmp_path):
        for name in ("ants", "bees"):
            for number in range(3):
                save(tmp_path / "insects" / name / f"{number}.png", seed=number, size=self.size)
        return tmp_path / "insects"

    @pytest.fixture
    def inputs(self):
        return BY_NAME["resnet18.a1_in1k"].inputs


class TestPhotos(OfImages, ModalityConformance):
    pass


class TestTinyImages(OfImages, ModalityConformance):
    size = (20, 20)

    @pytest.fixture
    def inputs(self):
        return BY_NAME["vit_small_patch14_dinov2.lvd142m"].inputs


class TestTimm(OfImages, BackboneConformance):
    @pytest.fixture
    def family(self):
        return TimmFamily()


class TestCnn(OfImages, BackboneConformance):
    @pytest.fixture
    def family(self):
        return CnnFamily()

    @pytest.fixture(params=NETWORKS, ids=lambda info: info.name)
    def info(self, request):
        return request.param

    def test_it_has_as_many_weights_as_it_says(self, family, info):
        encoder = family.build(info, Recipe(backbone=info.name, strategy="full"), State(), None)
        assert sum(parameter.numel() for parameter in encoder.parameters()) == info.parameters


class TestPackages(WeightSourceConformance):
    @pytest.fixture
    def source(self):
        return EfficientNetLitePackages()

    @pytest.fixture
    def known(self, source):
        info = BY_NAME["tf_efficientnet_lite0.in1k"]
        if source.find(info) is None:
            pytest.skip("the package is not installed")
        return info
