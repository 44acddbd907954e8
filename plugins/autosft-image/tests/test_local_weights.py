import json

import pytest
import timm
import torch
from safetensors.torch import save_file

from autosft.api import BadWeights, Recipe, State, WeightFile
from autosft_image.curated import CURATED
from autosft_image.timm_family import TimmFamily

RECIPE = Recipe(backbone="b", strategy="s")


def build(info, weights=None):
    return TimmFamily().build(info, RECIPE, State(), weights).eval()


@pytest.fixture
def resnet(tmp_path):
    """A small folder as timm writes it."""
    return write_folder(tmp_path / "mine", "resnet10t", {"model_args": {}})


def write_folder(folder, architecture, config=None, suffix="safetensors", **arguments):
    torch.manual_seed(0)
    model = timm.create_model(architecture, pretrained=False, num_classes=5, **arguments)
    folder.mkdir()
    stated = {"input_size": [3, 176, 176], "mean": [0.1, 0.2, 0.3], "std": [0.5, 0.5, 0.5], "pool_size": [6, 6]}
    stated |= {"interpolation": "bilinear", "crop_pct": 0.9, "license": "mit", "fixed_input_size": False}
    content = {"architecture": architecture, "num_classes": 5, "pretrained_cfg": stated, **(config or {})}
    (folder / "config.json").write_text(json.dumps(content))
    if suffix == "safetensors":
        save_file(model.state_dict(), folder / "model.safetensors")
    else:
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
    return folder


def test_a_timm_folder_is_a_backbone(resnet):
    info, weights = TimmFamily().local(resnet)
    assert info.name == "timm/mine" and info.license == "MIT" and info.pretrained == {}
    assert info.inputs.options["size"] == [3, 176, 176] and info.inputs.options["mean"] == [0.1, 0.2, 0.3]
    assert info.parameters > 4e6 and info.gigaflops > 0.5
    assert weights.source == "folder" and len(weights.sha256) == 64
    encoder = build(info, weights)
    torch.manual_seed(0)
    images = torch.randn(2, 3, 64, 64)
    theirs = timm.create_model(f"local-dir:{resnet}", pretrained=True).eval()
    with torch.no_grad():
        expected = theirs.forward_head(theirs.forward_features(images), pre_logits=True)
    torch.testing.assert_close(encoder(images)["pooled"][:, : expected.shape[1]], expected, rtol=1e-4, atol=1e-5)


def test_a_pickled_state_dict_and_model_arguments_are_honored(tmp_path):
    folder = write_folder(
        tmp_path / "lite", "tf_efficientnet_lite0", {"model_args": {"pad_type": ""}}, "bin", pad_type=""
    )
    info, weights = TimmFamily().local(folder)
    assert info.arguments == {"architecture": "tf_efficientnet_lite0", "pad_type": ""}
    assert build(info, weights).network.conv_stem.padding == (1, 1)


def test_a_file_named_after_a_model_is_a_backbone(resnet, tmp_path):
    family = TimmFamily()
    (resnet / "model.safetensors").rename(tmp_path / "resnet10t.c3_in1k.safetensors")
    info, weights = family.local(tmp_path / "resnet10t.c3_in1k.safetensors")
    assert info.name == "timm/resnet10t.c3_in1k"
    build(info, weights)
    (tmp_path / "best.pth").write_bytes(b"")
    assert family.local(tmp_path / "best.pth") is None


def test_folders_of_others_are_left_to_others(tmp_path):
    family = TimmFamily()
    assert family.local(tmp_path) is None
    (tmp_path / "config.json").write_text('{"architectures": ["BertModel"]}')
    assert family.local(tmp_path) is None


def test_an_unknown_architecture_names_the_nearest(resnet):
    (resnet / "config.json").write_text('{"architecture": "resnet1O1"}')
    with pytest.raises(BadWeights, match="Did you mean 'resnet1"):
        TimmFamily().local(resnet)


def test_a_folder_without_weights_or_with_broken_words_says_so(resnet):
    (resnet / "model.safetensors").unlink()
    with pytest.raises(BadWeights, match=r"no model\.safetensors"):
        TimmFamily().local(resnet)
    (resnet / "config.json").write_text("{")
    with pytest.raises(BadWeights, match="JSON"):
        TimmFamily().local(resnet)


def test_weights_of_another_architecture_are_refused_with_the_first_keys(resnet, tmp_path):
    info, _ = TimmFamily().local(resnet)
    other = write_folder(tmp_path / "other", "mobilenetv3_small_050")
    with pytest.raises(BadWeights, match=r"missing: conv1\.0\.weight.*more; unexpected: blocks\.0"):
        build(info, WeightFile(source="test", path=str(other / "model.safetensors")))


def test_a_replaced_or_damaged_file_is_refused(resnet):
    info, weights = TimmFamily().local(resnet)
    with pytest.raises(BadWeights, match="sha256"):
        build(info, weights.model_copy(update={"sha256": "0" * 64}))
    path = resnet / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(BadWeights, match="cannot be read"):
        build(info, weights.model_copy(update={"sha256": ""}))
    path.unlink()
    with pytest.raises(BadWeights, match="no such file"):
        build(info, weights)


def test_a_pickle_with_code_is_refused_and_not_run(resnet, tmp_path):
    class Payload:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    info, _ = TimmFamily().local(resnet)
    torch.save({"state_dict": Payload()}, tmp_path / "bad.pth")
    with pytest.raises(BadWeights):
        build(info, WeightFile(source="test", path=str(tmp_path / "bad.pth")))
    assert not (tmp_path / "ran").exists()


def test_weights_among_other_things_of_a_checkpoint_are_found(resnet, tmp_path):
    info, weights = TimmFamily().local(resnet)
    model = build(info, weights).network
    nested = {"state_dict": {f"module.{key}": value for key, value in model.state_dict().items()}, "epoch": 3}
    torch.save(nested, tmp_path / "nested.pth")
    again = build(info, WeightFile(source="test", path=str(tmp_path / "nested.pth"))).network
    assert torch.equal(again.conv1[0].weight, model.conv1[0].weight)


def test_a_folder_of_a_curated_model_keeps_its_figures(tmp_path):
    known = next(info for info in CURATED if "mobilenetv3" in info.name)
    stated = {"tag": "ra_in1k", "input_size": [3, 224, 224], "mean": [0, 0, 0], "std": [1, 1, 1]}
    folder = write_folder(tmp_path / "known", "mobilenetv3_large_100", {"pretrained_cfg": stated})
    info, weights = TimmFamily().local(folder)
    assert (info.parameters, info.gigaflops, info.prior) == (known.parameters, known.gigaflops, known.prior)
    assert info.gives == {"pooled", "maps"} and info.inputs.options["mean"] == [0, 0, 0]
    build(info, weights)
