import json

import pytest
import torch
from safetensors.torch import save_file
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from autosft.api import BadWeights, Recipe, Rows, WeightFile
from autosft_audio.architectures import network_of
from autosft_audio.curated import _TABLE, CURATED, like
from autosft_audio.speech import SpeechFamily, _measured

RECIPE = Recipe(backbone="b", strategy="s")
_WAVES = {
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": [16] * 7,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
    "layerdrop": 0.5,
}
TINY = {
    "wav2vec2": _WAVES,
    "hubert": _WAVES,
    "wavlm": _WAVES,
    "wav2vec2-large": {**_WAVES, "feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True},
    "whisper": {"d_model": 16, "encoder_layers": 3, "encoder_attention_heads": 2, "encoder_ffn_dim": 32},
    "moonshine": {
        "hidden_size": 16,
        "encoder_num_hidden_layers": 3,
        "encoder_num_attention_heads": 2,
        "intermediate_size": 32,
    },
}


@pytest.fixture
def family():
    return SpeechFamily()


@pytest.fixture(params=TINY)
def folder(request, tmp_path):
    """A folder as transformers writes one, of a whole model with a head, and the network that it is of."""
    kind = request.param.removesuffix("-large")
    config = {"model_type": kind, "architectures": ["Some"], "dtype": "float16", **TINY[request.param]}
    torch.manual_seed(0)
    network = network_of(config).eval()
    before = "model.encoder." if kind in ("whisper", "moonshine") else f"{kind}."
    tensors = {before + name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    tensors["model.decoder.x" if before.startswith("model") else "lm_head.weight"] = torch.zeros(1)
    save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"do_normalize": kind != "moonshine"}))
    return tmp_path


@pytest.fixture
def encoder(family, folder):
    info, weights = family.local(folder)
    return family.build(info, RECIPE, family.fit(info, Rows.of(()), None, weights), weights).eval()


@pytest.fixture
def waves(tone):
    return [torch.from_numpy(tone(300.0 * (n + 1), seconds)) for n, seconds in enumerate((0.1, 0.5, 0.1, 1.0))]


def test_a_folder_gives_an_encoder_whose_rows_do_not_depend_on_their_neighbours(encoder, waves):
    with torch.inference_mode():
        together = encoder(waves)
        alone = [encoder([wave]) for wave in waves]
    assert together["pooled"].shape == (4, encoder.widths["pooled"]) == (4, 64)
    assert torch.allclose(together["pooled"], torch.cat([one["pooled"] for one in alone]), atol=1e-4)
    frames = together["mask"].sum(1).tolist()
    assert together["tokens"].shape == (4, max(frames), 16)
    for row, (one, count) in enumerate(zip(alone, frames, strict=True)):
        assert torch.allclose(together["tokens"][row, :count], one["tokens"][0], atol=1e-4)


def test_what_a_folder_gives_is_all_that_a_bundle_needs(family, folder, waves):
    info, weights = family.local(folder)
    state = family.fit(info, Rows.of(()), None, weights)
    encoder = family.build(info, RECIPE, state, weights).eval()
    for file in folder.iterdir():
        file.unlink()
    again = family.build(
        info, RECIPE, type(state).from_plain(json.loads(json.dumps(state.plain("x", {}))), "x", {}), None
    )
    again.load_state_dict(encoder.state_dict())
    with torch.inference_mode():
        assert torch.equal(again.eval()(waves)["pooled"], encoder(waves)["pooled"])


def test_training_repeats_from_torchs_seed_and_moves_every_block(encoder, waves):
    def gradients():
        torch.manual_seed(0)
        encoder.zero_grad()
        encoder.train()(waves)["pooled"].square().sum().backward()
        return {
            name: parameter.grad.clone() for name, parameter in encoder.named_parameters() if parameter.grad is not None
        }

    first, second = gradients(), gradients()
    assert all(torch.equal(gradient, second[name]) for name, gradient in first.items())
    blocks = encoder.blocks()
    assert sorted(name for block in blocks for name in block) == sorted(name for name, _ in encoder.named_parameters())
    assert len(blocks) == 4 and all(any(name in first for name in block) for block in blocks)


def test_whisper_over_thirty_seconds_is_whisper(family):
    torch.manual_seed(0)
    network = network_of({"model_type": "whisper", **TINY["whisper"]}).eval()
    from autosft_audio.speech_encoder import SpeechEncoder

    wave = torch.randn(30 * 16_000) * 0.1
    from transformers import WhisperFeatureExtractor

    features = WhisperFeatureExtractor()(wave.numpy(), sampling_rate=16_000, return_tensors="pt").input_features
    assert isinstance(network, WhisperEncoder)
    with torch.inference_mode():
        tokens = SpeechEncoder(network, normalize=False).eval()([wave])["tokens"]
        assert torch.allclose(tokens, network(features).last_hidden_state, atol=1e-4)


def test_folders_of_others_are_left_to_them_and_broken_ones_named(family, tmp_path):
    assert family.local(tmp_path) is None
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    assert family.local(tmp_path) is None
    (tmp_path / "config.json").write_text('{"model_type": "hubert"}')
    with pytest.raises(BadWeights, match=r"no model\.safetensors"):
        family.local(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(BadWeights, match="JSON"):
        family.local(tmp_path)


def test_configurations_that_cannot_be_are_named():
    with pytest.raises(BadWeights, match="transformers cannot build HubertModel"):
        network_of({"model_type": "hubert", "hidden_size": "wide"})


def test_weights_without_a_configuration_are_named(family, folder):
    info, weights = family.local(folder)
    (folder / "config.json").unlink()
    with pytest.raises(BadWeights, match=r"config\.json is missing"):
        family.fit(info, Rows.of(()), None, weights)


def test_patterns_match_the_curated_and_full_names_the_hub(family):
    assert [info.name for info in family.match("openai/*")] == [
        f"transformers-audio/openai/whisper-{size}" for size in ("tiny", "base", "small")
    ]
    (info,) = family.match("someone/wavlm-of-mine")
    assert info.pretrained["hub"] == "someone/wavlm-of-mine" and info.inputs.kind == "waveform"
    assert family.match("wavlm-of-mine") == [] == family.match("someone/*")


@pytest.mark.parametrize("entry", _TABLE, ids=lambda entry: entry.hub)
def test_curated_figures_are_those_of_transformers(entry):
    info = like(entry.config)
    assert info.name == f"transformers-audio/{entry.hub}"
    figures = {"parameters": info.parameters, "gigaflops": pytest.approx(info.gigaflops, rel=1e-3)}
    assert _measured(entry.config) == figures


def test_a_curated_encoder_without_files_beside_is_built_from_what_is_known(family, tmp_path):
    info = next(info for info in CURATED if "wavlm" in info.name)
    weights = WeightFile(source="hub", path=str(tmp_path / "pytorch_model.bin"))
    assert family.fit(info, Rows.of(()), None, weights).values == dict(info.arguments)
