"""The modality keeps the contract."""

import pytest

from autosft.testing.conformance import ModalityConformance
from autosft_image.curated import BY_NAME
from autosft_image.modality import ImageModality


class TestImages(ModalityConformance):
    @pytest.fixture
    def modality(self):
        return ImageModality()

    @pytest.fixture
    def data_path(self, dataset):
        return dataset

    @pytest.fixture
    def inputs(self):
        return BY_NAME["tf_efficientnet_lite0.in1k"].inputs
