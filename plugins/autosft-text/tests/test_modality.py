"""The modality keeps its contract, on tables and on folders."""

import pytest

from autosft.testing.conformance import ModalityConformance
from autosft_text.modality import TextModality


class TestTables(ModalityConformance):
    @pytest.fixture
    def modality(self):
        return TextModality()

    @pytest.fixture
    def data_path(self, reviews):
        return reviews

    @pytest.fixture
    def raw(self, reviews):
        return ["just a text", reviews / "test.csv", ""]


class TestFolders(ModalityConformance):
    @pytest.fixture
    def modality(self):
        return TextModality()

    @pytest.fixture
    def data_path(self, tmp_path, sentences):
        for number, (text, label) in enumerate(sentences(8)):
            path = tmp_path / "mails" / label / f"{number}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path / "mails"
