"""What every modality, family and source promises, kept by those of this package."""

import json

import pytest
from safetensors.torch import save_file

from autosft.api import Inputs, WeightFile
from autosft.testing.conformance import BackboneConformance, ModalityConformance, WeightSourceConformance
from autosft_audio.architectures import network_of
from autosft_audio.bands import BandsFamily
from autosft_audio.modality import AudioModality
from autosft_audio.packages import ResemblyzerPackage
from autosft_audio.speech import SpeechFamily
from autosft_audio.voices import GE2E, VoiceFamily
from autosft_audio.wavenet import WaveNetFamily


@pytest.fixture
def modality():
    return AudioModality()


@pytest.fixture
def data_path(dataset):
    return dataset


class OfSounds:
    @pytest.fixture
    def modality(self, modality):
        return modality

    @pytest.fixture
    def data_path(self, data_path):
        return data_path


class TestPictures(OfSounds, ModalityConformance):
    @pytest.fixture
    def inputs(self):
        return Inputs(kind="image", options={"size": [3, 224, 224], "mean": [0.5] * 3, "std": [0.5] * 3})


class TestWavesOfATable(OfSounds, ModalityConformance):
    @pytest.fixture
    def data_path(self, table):
        return table

    @pytest.fixture
    def inputs(self):
        return Inputs(kind="waveform", options={"seconds": 10.0, "step": 1600})

    @pytest.fixture
    def raw(self, tone):
        return [(tone(), 16_000), (tone(), 8_000)]


class TestBands(OfSounds, BackboneConformance):
    @pytest.fixture
    def family(self):
        return BandsFamily()


class TestWaveNet(OfSounds, BackboneConformance):
    @pytest.fixture
    def family(self):
        return WaveNetFamily()


class TestVoices(OfSounds, BackboneConformance):
    @pytest.fixture
    def family(self):
        return VoiceFamily()


class TestSpeech(OfSounds, BackboneConformance):
    @pytest.fixture
    def family(self):
        return SpeechFamily()

    @pytest.fixture
    def weights(self, tmp_path):
        sizes = {"hidden_size": 16, "encoder_num_hidden_layers": 2, "encoder_num_attention_heads": 2}
        config = {"model_type": "moonshine", "intermediate_size": 32, **sizes}
        folder = tmp_path / "weights"
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(config))
        save_file(network_of(config).state_dict(), folder / "model.safetensors")
        return WeightFile(source="test", path=str(folder))


class TestResemblyzer(WeightSourceConformance):
    @pytest.fixture
    def source(self):
        return ResemblyzerPackage()

    @pytest.fixture
    def known(self, source):
        return GE2E if source.find(GE2E) else None
