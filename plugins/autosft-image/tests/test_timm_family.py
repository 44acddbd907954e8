import json

import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.models import get_pretrained_cfg
from torch.utils.flop_counter import FlopCounterMode

from autosft.contracts.backbone import WeightFile
from autosft.contracts.recipe import Recipe
from autosft.contracts.state import State
from autosft.errors import BadWeights
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


@pytest.mark.parametrize("info", CURATED, ids=lambda info: info.name)
def test_the_curated_table_says_what_timm_says(info):
    name = info.name.removeprefix("timm/")
    config = get_pretrained_cfg(name)
    options = info.inputs.options
    assert timm.is_model_pretrained(name) and config.hf_hub_id == info.pretrained["hub"]
    assert config.license == info.license.lower()
    if not info.arguments.get("dynamic_img_size"):  # else published at a size that nobody can pay for
        assert list(config.input_size) == options["size"]
    assert (config.interpolation, config.crop_pct) == (options["interpolation"], options["crop_pct"])
    assert (list(config.mean), list(config.std)) == (options["mean"], options["std"])
    with torch.device("meta"):
        encoder = build(info)
    assert info.parameters == sum(parameter.numel() for parameter in encoder.parameters())
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        encoded = encoder(torch.empty(1, *options["size"], device="meta"))
    assert counter.get_total_flops() / 2e9 == pytest.approx(info.gigaflops, abs=0.001)
    assert set(encoded) == info.gives
    assert encoded["pooled"].shape == (1, encoder.widths["pooled"])
    if "maps" in encoded:
        assert encoded["maps"].shape[1] == encoder.widths["maps"] and not options["fixed"]
        assert encoder(torch.empty(1, 3, 64, 64, device="meta"))["pooled"].shape == encoded["pooled"].shape
    else:
        assert encoded["tokens"].shape[2] == encoder.widths["tokens"] and options["fixed"]
    grouped = [parameter for block in encoder.blocks() for parameter in block]
    assert sorted(grouped) == sorted(dict(encoder.named_parameters())) and len(encoder.blocks()) > 4


def test_curated_priors_and_sizes_are_in_range():
    assert len({info.name for info in CURATED}) == len(CURATED) == 15
    assert all(0 < info.prior < 1 and 2e6 < info.parameters < 90e6 for info in CURATED)


def test_blocks_run_from_input_to_output():
    info = next(info for info in CURATED if "resnet18" in info.name)
    blocks = build(info).blocks()
    assert "network.conv1.weight" in blocks[0] and "network.layer4.1.conv2.weight" in blocks[-1]


def test_a_pattern_finds_curated_and_other_models():
    family = TimmFamily()
    assert family.match("resnet18.a1_in1k") == [info for info in CURATED if info.name == "timm/resnet18.a1_in1k"]
    found = {info.name: info for info in family.match("resnet18.*")}
    assert found["timm/resnet18.a1_in1k"].prior != 0.5
    other = found["timm/resnet18.tv_in1k"]
    assert other.license == "BSD-3-Clause" and other.parameters == 11_176_512
    assert other.gigaflops == pytest.approx(1.814, abs=0.001)
    assert other.pretrained == {"hub": "timm/resnet18.tv_in1k"} and other.gives == {"pooled", "maps"}
    assert family.match("no_such_model*") == []
    assert [info.name for info in family.match("resnet10t")] == ["timm/resnet10t.c3_in1k"]


def test_maps_have_channels_first_where_timm_has_them_last():
    (info,) = TimmFamily().match("swin_tiny_patch4_window7_224.ms_in22k")
    assert info.inputs.options["fixed"]
    with torch.device("meta"):
        encoded = build(info)(torch.empty(1, 3, 224, 224))
    assert encoded["maps"].shape == (1, 768, 7, 7)


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
        assert torch.equal(encoder(images)["pooled"], expected)


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
