import statistics

import pytest
import timm
import torch
from timm.models import get_pretrained_cfg
from torch.utils.flop_counter import FlopCounterMode

from autosft.api import BadWeights, Recipe, State
from autosft.contracts.recipe import Regular
from autosft_image.curated import CURATED
from autosft_image.describe import describe
from autosft_image.network import drops_paths, network_of
from autosft_image.timm_family import TimmFamily

RECIPE = Recipe(backbone="b", strategy="s")


def build(info, weights=None):
    return TimmFamily().build(info, RECIPE, State(), weights).eval()


@pytest.mark.parametrize("info", CURATED, ids=lambda info: info.name)
def test_the_curated_table_says_what_timm_says(info):
    name = info.name.removeprefix("timm/")
    config = get_pretrained_cfg(name)
    options = info.inputs.options
    assert timm.is_model_pretrained(name) and config.hf_hub_id == info.pretrained["hub"]
    assert config.license == info.license.lower()
    if "_dinov" not in name:  # else published at a size that nobody can pay for
        assert list(config.input_size) == options["size"]
    assert info.arguments == describe(name, config.to_dict(), {"architecture": name.split(".")[0]}).arguments
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
        assert encoded["maps"].shape[1] == encoder.widths["maps"]
    else:
        assert encoded["tokens"].shape[2] == encoder.widths["tokens"]
    grouped = [parameter for block in encoder.blocks() for parameter in block]
    assert sorted(grouped) == sorted(dict(encoder.named_parameters())) and len(encoder.blocks()) > 4


MORE = [
    *("mobilenetv2_100", "mobilenetv1_100", "wide_resnet50_2", "resnext50_32x4d", "resnetv2_50", "regnety_002"),
    *("dm_nfnet_f0", "nf_resnet26", "beit_base_patch16_224", "eva02_tiny_patch14_224", "swin_tiny_patch4_window7_224"),
    *("swinv2_tiny_window8_256", "vgg11", "densenet121", "convmixer_768_32", "res2net50_14w_8s", "resnest14d"),
    *("vit_tiny_r_s16_p8_224", "efficientvit_b0", "convnextv2_atto", "regnetz_b16"),
]


@pytest.mark.parametrize("info", [*CURATED, *MORE], ids=lambda info: getattr(info, "name", info))
def test_drop_path_is_offered_where_timm_drops_paths(info):
    if isinstance(info, str):
        info = describe(info, {"input_size": (3, 224, 224)}, {"architecture": info})
    offered = "regular.drop_path" not in TimmFamily().ignores(info)
    assert offered == drops_paths(info)
    if offered:
        modules = [module for module in network_of(info, 0.1).modules() if type(module).__name__ == "DropPath"]
        assert max(module.drop_prob for module in modules) > 0.04


@pytest.mark.parametrize("info", [*CURATED, *MORE], ids=lambda info: getattr(info, "name", info))
def test_statistics_of_norms_are_a_choice_where_there_is_batch_norm(info):
    curated = not isinstance(info, str)
    if not curated:
        info = describe(info, {"input_size": (3, 224, 224)}, {"architecture": info})
    with torch.device("meta"):
        there = any(isinstance(module, torch.nn.BatchNorm2d) for module in network_of(info).modules())
    offered = "regular.norm_statistics" not in TimmFamily().ignores(info)
    assert offered == there if curated else offered <= there
    scratch = info.model_copy(update={"origin": "scratch"})
    assert "regular.norm_statistics" in TimmFamily().ignores(scratch)


def test_paths_are_dropped_while_training_alone_and_change_no_name():
    info = next(info for info in CURATED if "mobilenetv3" in info.name)
    dropping = TimmFamily().build(info, RECIPE.changed(regular=Regular(drop_path=0.9)), State(), None)
    plain = build(info)
    assert list(dropping.state_dict()) == list(plain.state_dict())
    dropping.load_state_dict(plain.state_dict())
    inputs = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(dropping.eval()(inputs)["pooled"], plain(inputs)["pooled"])
        for module in dropping.train().modules():
            module.train(type(module).__name__ == "DropPath")
        assert not torch.equal(dropping(inputs)["pooled"], plain(inputs)["pooled"])


def test_curated_priors_and_sizes_are_in_range():
    assert len({info.name for info in CURATED}) == len(CURATED) == 15
    assert all(0 < info.prior < 1 and 3e6 < info.parameters < 90e6 and info.license for info in CURATED)


@pytest.mark.slow
@pytest.mark.parametrize("info", CURATED, ids=lambda info: info.name)
def test_every_curated_encoder_runs_at_several_resolutions_and_learns_from_input_to_output(info):
    torch.manual_seed(0)
    encoder, options = build(info), info.inputs.options
    step, least = options.get("step", 32), options.get("least", 64)
    for side in (least, least + step, options["size"][-1]):
        encoder.zero_grad()
        encoded = encoder(torch.randn(2, 3, side, side))
        assert set(encoded) == info.gives and encoded["pooled"].shape == (2, encoder.widths["pooled"])
        assert torch.isfinite(encoded["pooled"]).all() and not torch.equal(*encoded["pooled"])
        encoded["pooled"].square().sum().backward()
    blocks, parameters = encoder.blocks(), dict(encoder.named_parameters())
    assert sorted(name for block in blocks for name in block) == sorted(parameters)
    reached = [any(parameters[name].grad is not None for name in block) for block in blocks]
    assert all(reached), "a block that takes no part in the output would be taught by nothing"
    assert _order(encoder, info, blocks) == sorted(_order(encoder, info, blocks))


def _order(encoder, info, blocks):
    """When each block is first passed, on the way from the image to the features."""
    owners = {id(parameter): name for name, parameter in encoder.named_parameters()}
    passed, names = [], {}

    def note(module, inputs):
        for parameter in module.parameters(recurse=False):
            names.setdefault(owners[id(parameter)], len(passed))
        passed.append(module)

    hooks = [module.register_forward_pre_hook(note) for module in encoder.modules()]
    with torch.no_grad():
        encoder(torch.randn(1, 3, info.inputs.options["size"][-1], info.inputs.options["size"][-1]))
    for hook in hooks:
        hook.remove()
    return [min((names[name] for name in block if name in names), default=-1) for block in blocks]


def test_blocks_run_from_input_to_output():
    info = next(info for info in CURATED if "resnet18" in info.name)
    blocks = build(info).blocks()
    assert "network.conv1.weight" in blocks[0] and "network.layer4.1.conv2.weight" in blocks[-1]


def test_new_weights_count_at_once_while_an_encoder_answers():
    info = next(info for info in CURATED if "tiny_vit_5m" in info.name)
    first, second, image = build(info), build(info), torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        before = first(image)["pooled"]
        for parameter in (*first.parameters(), *second.parameters()):
            parameter.copy_(torch.linspace(-0.1, 0.1, parameter.numel()).reshape(parameter.shape))
        after = first(image)["pooled"]
        assert torch.equal(after, second(image)["pooled"]) and not torch.equal(before, after)


@pytest.mark.parametrize(
    ("architecture", "parts"),
    [("resnet18", ["layer2", "layer3"]), ("vit_tiny_patch16_224", ["blocks.5", "blocks.8"])],
)
def test_normalized_means_of_earlier_stages_join_what_timm_pools(architecture, parts):
    torch.manual_seed(0)
    encoder = build(describe(architecture, {"input_size": (3, 64, 64)}, {"architecture": architecture})).eval()
    network, seen = encoder.network, []
    for name in parts:
        network.get_submodule(name).register_forward_hook(lambda part, given, out: seen.append(out))
    images = torch.randn(2, 3, 64, 64)

    with torch.no_grad():
        pooled = encoder(images)["pooled"]
        wanted = [network.forward_head(network.forward_features(images), pre_logits=True)]
    for out in seen[: len(parts)]:
        mean = out.mean((2, 3)) if out.ndim == 4 else out[:, 1:].mean(1)  # without the class token
        wanted.append((mean - mean.mean(1, keepdim=True)) / (mean.var(1, correction=0, keepdim=True) + 1e-5).sqrt())

    torch.testing.assert_close(pooled, torch.cat(wanted, 1), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    "name, tag, width", [("resnet50", "a1_in1k", 512 + 1024 + 2048), ("vgg16", "tv_in1k", 512 + 512 + 4096)]
)
def test_a_bare_architecture_means_timms_default_weights(name, tag, width):
    (info,) = TimmFamily().match(name)
    assert info.name == f"timm/{name}.{tag}" and info.license
    with torch.device("meta"):
        encoder = build(info)
    for side in (64, 224):
        assert encoder(torch.empty(1, 3, side, side, device="meta"))["pooled"].shape == (1, width)
    assert sorted(name for block in encoder.blocks() for name in block) == sorted(dict(encoder.named_parameters()))


@pytest.mark.parametrize(
    "name, side, step",
    [("vit_tiny_patch16_224.augreg_in21k", 160, 16), ("vit_small_plus_patch16_dinov3.lvd1689m", 112, 16)],
)
def test_other_plain_transformers_take_other_sizes_too(name, side, step):
    (info,) = TimmFamily().match(name)
    assert not info.inputs.options["fixed"] and info.inputs.options["step"] == step
    with torch.device("meta"):
        assert build(info)(torch.empty(1, 3, side, side))["tokens"].shape[1] >= (side // step) ** 2


def test_positions_of_patches_that_do_not_fill_an_image_are_left_as_they_are():
    (info,) = TimmFamily().match("vit_so400m_patch14_siglip_384.webli")
    assert info.inputs.options["fixed"] and "dynamic_img_size" not in info.arguments


def test_a_pattern_finds_curated_and_other_models():
    family = TimmFamily()
    assert family.match("resnet18.a1_in1k") == [info for info in CURATED if info.name == "timm/resnet18.a1_in1k"]
    found = {info.name: info for info in family.match("resnet18.*")}
    other = found["timm/resnet18.tv_in1k"]
    assert other.prior < statistics.median(info.prior for info in CURATED)
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


def test_dinov2_runs_at_224_pixels_with_its_own_positions():
    config = {"input_size": (3, 518, 518), "fixed_input_size": True}
    info = describe("mine", config, {"architecture": "vit_small_patch14_dinov2"})
    assert info.inputs.options["size"] == [3, 224, 224] and info.inputs.options["step"] == 14
    with torch.device("meta"):
        encoder = build(info)
        assert encoder.network.pos_embed.shape[1] == 37 * 37 + 1
        assert encoder(torch.empty(1, 3, 224, 224))["tokens"].shape == (1, 16 * 16 + 1, 384)


@pytest.mark.parametrize(
    "arguments",
    [{"architecture": "hf-hub:somebody/model"}, {"architecture": "resnet18", "checkpoint_path": "weights.pth"}],
    ids=str,
)
def test_a_description_cannot_have_other_files_read(arguments):
    """Nobody need trust a bundle, which brings its encoder's description."""
    info = CURATED[0].model_copy(update={"arguments": arguments})

    with pytest.raises(BadWeights, match="read from elsewhere"):
        network_of(info)


def test_it_is_a_graph_of_images_in_any_number():
    encoder = build(
        describe("mobilenetv3_small_050", {"input_size": (3, 64, 64)}, {"architecture": "mobilenetv3_small_050"})
    )
    graph = encoder.graph()
    images = graph.tensors(torch.randn(3, 3, 64, 64))["inputs"]

    with torch.no_grad():
        shapes = ({0: torch.export.Dim.DYNAMIC},)
        traced = torch.export.export(graph.module, (images,), dynamic_shapes=shapes).module()
        for count in (1, 2, 3):
            told, wanted = traced(images[:count]), encoder(images[:count])
            torch.testing.assert_close(told["pooled"], wanted["pooled"], atol=1e-4, rtol=1e-4)
