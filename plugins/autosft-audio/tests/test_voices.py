import re

import pytest
import torch
from safetensors.torch import save_file

from autosft.api import BadWeights, Recipe, State, WeightFile
from autosft_audio.packages import ResemblyzerPackage
from autosft_audio.voices import GE2E, VoiceFamily

RECIPE = Recipe(backbone="b", strategy="s")


@pytest.fixture
def family():
    return VoiceFamily()


def written_as_folded(encoder):
    """The weights in the key names of WeSpeaker's with batch norms folded in."""
    pairs = ((r"^trunk\.", "blocks."), ("first", "c1"), ("second", "c2"), ("shortcut", "sc"), ("^embedding", "fc"))
    tensors = {}
    for name, tensor in encoder.state_dict().items():
        for pattern, replacement in (*pairs, ("^center$", "mean_vec")):
            name = re.sub(pattern, replacement, name)
        tensors[name] = tensor.contiguous()
    return tensors


@pytest.fixture(params=["ge2e", "resnet34"])
def folder(request, family, tmp_path):
    """A folder of random weights of one of the two, and the encoder that has them."""
    torch.manual_seed(0)
    info = GE2E.model_copy(update={"arguments": {"architecture": request.param}})
    encoder = family.build(info, RECIPE, State(), None).eval()
    tensors = encoder.state_dict() if request.param == "ge2e" else written_as_folded(encoder)
    save_file({**tensors, "mel": torch.zeros(2, 2)}, tmp_path / "model.safetensors")
    return tmp_path, encoder


def test_a_folder_is_known_by_its_keys_and_gives_the_same_encoder(family, folder, tone):
    path, encoder = folder
    info, weights = family.local(path)
    again = family.build(info, RECIPE, State(), weights).eval()
    waves = [torch.from_numpy(tone(hertz, seconds)) for hertz, seconds in ((200.0, 0.5), (300.0, 2.0))]
    with torch.inference_mode():
        assert torch.equal(again(waves)["pooled"], encoder(waves)["pooled"])
    assert info.pretrained == {} and info.license and weights.sha256
    assert sum(parameter.numel() for parameter in again.parameters()) == info.parameters


def test_what_a_row_gives_does_not_depend_on_its_neighbours(folder, tone):
    _, encoder = folder
    waves = [torch.from_numpy(tone(200.0, seconds)) for seconds in (0.1, 1.0, 3.0)]
    with torch.inference_mode():
        together = encoder(waves)["pooled"]
        assert torch.allclose(together, torch.cat([encoder([wave])["pooled"] for wave in waves]), atol=1e-5)
        assert encoder([torch.zeros(1600)])["pooled"].isfinite().all()


def test_every_parameter_is_in_one_block(folder):
    _, encoder = folder
    names = [name for block in encoder.blocks() for name in block]
    assert sorted(names) == sorted(name for name, _ in encoder.named_parameters()) and len(encoder.blocks()) >= 3


def test_other_folders_are_left_to_others_and_damaged_ones_named(family, tmp_path):
    assert family.local(tmp_path) is None and family.local(tmp_path / "gone.safetensors") is None
    save_file({"some.weight": torch.zeros(3)}, tmp_path / "model.safetensors")
    assert family.local(tmp_path) is None
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(BadWeights, match="cannot be read as weights"):
        family.local(tmp_path)


def test_the_packages_file_is_found_without_importing_it_and_loads_without_pickle(family, tmp_path, monkeypatch, tone):
    torch.manual_seed(0)
    encoder = family.build(GE2E, RECIPE, State(), None).eval()
    content = {"step": 1, "model_state": {**encoder.state_dict(), "similarity_bias": torch.zeros(1)}}
    (tmp_path / "resemblyzer").mkdir()
    (tmp_path / "resemblyzer" / "__init__.py").write_text("raise ImportError('it was imported')\n")
    torch.save(content, tmp_path / "resemblyzer" / "pretrained.pt")
    (tmp_path / "Resemblyzer-0.1.dist-info").mkdir()
    (tmp_path / "Resemblyzer-0.1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: Resemblyzer\n")
    monkeypatch.syspath_prepend(tmp_path)
    weights = ResemblyzerPackage().find(GE2E)
    assert weights.path == str(tmp_path / "resemblyzer" / "pretrained.pt") and weights.license == "Apache-2.0"
    with pytest.raises(BadWeights, match="damaged or replaced"):
        family.build(GE2E, RECIPE, State(), weights)
    again = family.build(GE2E, RECIPE, State(), weights.model_copy(update={"sha256": ""})).eval()
    wave = [torch.from_numpy(tone())]
    with torch.inference_mode():
        assert torch.equal(again(wave)["pooled"], encoder(wave)["pooled"])


def test_the_package_has_nothing_for_other_encoders():
    assert ResemblyzerPackage().find(GE2E.model_copy(update={"pretrained": {"hub": "a/b"}})) is None


def test_weights_of_another_network_are_refused(family, tmp_path):
    save_file({"lstm.weight_ih_l0": torch.zeros(1024, 40)}, tmp_path / "w.safetensors")
    with pytest.raises(BadWeights, match="missing"):
        family.build(GE2E, RECIPE, State(), WeightFile(source="test", path=str(tmp_path / "w.safetensors")))
