"""What sentence-transformers saves beside an encoder is done with its tokens: poolings, layers, prompts."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from autosft.api import BadWeights, Recipe, Rows, State
from autosft.testing.conformance import BackboneConformance
from autosft_text.modality import TextModality
from autosft_text.pooling import MODES, Pooling
from autosft_text.sentence import sentence_modules
from autosft_text.transformers_family import TransformersFamily

TEXTS = ["the film was fine", "sad", "a warm day and a cold meal, so was the book"]
FAMILY = TransformersFamily()
RECIPE = Recipe(backbone="b", strategy="s")
WIDTH = 32


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def listed(*kinds):
    """`modules.json` of a transformer and what follows; kinds may stand with a path."""
    pairs = [("Transformer", ""), *(kind if isinstance(kind, tuple) else (kind, "") for kind in kinds)]
    prefix = "sentence_transformers.models."
    return [
        {"idx": place, "name": str(place), "path": path or f"{place}_{kind}" if place else "", "type": prefix + kind}
        for place, (kind, path) in enumerate(pairs)
    ]


def dense(folder, inputs, outputs, activation="activation.Tanh", **options):
    """The files of a dense layer, and its weights."""
    torch.manual_seed(1)
    tensors = {"linear.weight": torch.randn(outputs, inputs) / 4, "linear.bias": torch.randn(outputs)}
    given = {"in_features": inputs, "out_features": outputs, "bias": True}
    write(folder / "config.json", {**given, "activation_function": f"torch.nn.modules.{activation}", **options})
    save_file(tensors, folder / "model.safetensors")
    return tensors


@pytest.fixture
def folder(checkpoints, tmp_path):
    return shutil.copytree(checkpoints("bert"), tmp_path / "mine")


@pytest.fixture
def projected(folder):
    """A folder with a mean, a dense layer to 12 numbers and a normalization."""
    write(folder / "modules.json", listed("Pooling", "Dense", "Normalize"))
    write(folder / "1_Pooling" / "config.json", {"pooling_mode_mean_tokens": True})
    dense(folder / "2_Dense", WIDTH, 12)
    return folder


def built(folder):
    info, weights = FAMILY.local(folder)
    state = FAMILY.fit(info, Rows.of(()), None, weights)
    return info, state, FAMILY.build(info, RECIPE, state, weights).eval()


def encoded(folder, texts=TEXTS):
    with torch.inference_mode():
        return built(folder)[2](texts)


class TestProjected(BackboneConformance):
    @pytest.fixture
    def family(self):
        return FAMILY

    @pytest.fixture
    def modality(self):
        return TextModality()

    @pytest.fixture
    def data_path(self, reviews):
        return reviews

    @pytest.fixture
    def weights(self, projected):
        return FAMILY.local(projected)[1]


@pytest.mark.parametrize("skipped", [0, 2])
def test_poolings_are_what_they_are_called(skipped):
    tokens = torch.from_numpy(np.random.default_rng(0).standard_normal((3, 5, 4)).astype(np.float32))
    lengths = (5, 3, 1)
    mask = torch.arange(5) < torch.tensor(lengths)[:, None]
    for row, length in enumerate(lengths):
        first = skipped if skipped < length else 0  # a text that is all prompt counts whole
        there = tokens[row, first:length]
        weights = torch.arange(first + 1, length + 1)[:, None]
        expected = {
            "first": there[0],
            "last": there[-1],
            "max": there.amax(0),
            "mean": there.mean(0),
            "mean_sqrt_len": there.sum(0) / len(there) ** 0.5,
            "weighted_mean": (there * weights).sum(0) / weights.sum(),
        }
        assert tuple(expected) == MODES
        for mode, value in expected.items():
            torch.testing.assert_close(Pooling((mode,), skipped)(tokens, mask)[row], value)
        both = Pooling(("max", "mean"), skipped)(tokens, mask)[row]
        torch.testing.assert_close(both, torch.cat([expected["max"], expected["mean"]]))


@pytest.mark.parametrize(
    "config, pooling",
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "first"),
        ({"pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": True}, "max+mean"),
        ({"pooling_mode_mean_sqrt_len_tokens": True}, "mean_sqrt_len"),
        ({"pooling_mode_weightedmean_tokens": True, "pooling_mode_lasttoken": True}, "weighted_mean+last"),
        ({"pooling_mode": "lasttoken"}, "last"),
        ({"pooling_mode": ["mean", "cls"]}, "mean+first"),
        ({"word_embedding_dimension": 32}, "mean"),
    ],
)
def test_old_and_new_words_for_poolings_are_known(folder, config, pooling):
    write(folder / "modules.json", listed("Pooling"))
    write(folder / "1_Pooling" / "config.json", config)
    info, state, encoder = built(folder)
    assert info.arguments == {"pooling": pooling} and state.values["pooling"] == pooling
    assert not FAMILY.space_for(info) and encoder.widths["pooled"] == 2 * WIDTH * len(pooling.split("+"))


def test_a_dense_layer_and_a_normalization_follow_the_pooling(projected):
    info, _, encoder = built(projected)
    with torch.inference_mode():
        found = encoder(TEXTS)
    tensors = dense(projected / "2_Dense", WIDTH, 12)
    mask = found["mask"]
    pooled = (found["tokens"] * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    expected = torch.tanh(pooled @ tensors["linear.weight"].T + tensors["linear.bias"])
    expected = expected / expected.norm(dim=1, keepdim=True) * 12**0.5
    torch.testing.assert_close(found["pooled"][:, :12], expected)
    assert encoder.widths == {"pooled": 12 + WIDTH, "tokens": WIDTH}
    assert info.parameters == sum(parameter.numel() for parameter in encoder.parameters())


@pytest.mark.parametrize("mode", ["cls", "max", "weightedmean", "lasttoken", "mean_sqrt_len_tokens"])
def test_poolings_and_layers_are_a_graph_of_any_size(projected, mode):
    write(projected / "1_Pooling" / "config.json", {"pooling_mode": mode, "include_prompt": False})
    write(projected / "config_sentence_transformers.json", {"prompts": {"a": "the film "}, "default_prompt_name": "a"})
    _, _, encoder = built(projected)
    graph = encoder.graph()
    given = graph.tensors(TEXTS)
    dynamic = tuple(dict.fromkeys((0, *graph.varying[name]), torch.export.Dim.DYNAMIC) for name in given)
    with torch.no_grad():
        traced = torch.export.export(graph.module, tuple(given.values()), dynamic_shapes=dynamic).module()
        for texts in (TEXTS, [TEXTS[2]] * 2, ["a film", "a book", "a song", "sad"]):
            told = traced(*graph.tensors(texts).values())
            torch.testing.assert_close(told["pooled"], encoder(texts)["pooled"], atol=1e-4, rtol=1e-4)


def test_layers_are_trained_last_and_exported_with_the_encoder(projected):
    _, _, encoder = built(projected)
    blocks = encoder.blocks()
    assert [name for name in blocks[-1] if name.startswith("layers.")] == [
        "layers.0.linear.weight",
        "layers.0.linear.bias",
    ]
    assert sorted(name for block in blocks for name in block) == sorted(name for name, _ in encoder.named_parameters())
    graph = encoder.graph()
    with torch.inference_mode():
        exported = graph.module.eval()(**graph.tensors(TEXTS))
        torch.testing.assert_close(exported["pooled"], encoder(TEXTS)["pooled"], atol=1e-5, rtol=1e-4)
    encoder.train()(TEXTS)["pooled"].square().sum().backward()
    assert encoder.layers[0].linear.weight.grad is not None


def test_a_bundle_has_the_layers_without_the_folder(projected):
    info, state, encoder = built(projected)
    shutil.rmtree(projected)
    arrays = {}
    plain = json.loads(json.dumps(state.plain("b", arrays)))
    again = FAMILY.build(info, RECIPE, State.from_plain(plain, "b", arrays), None).eval()
    again.load_state_dict(encoder.state_dict())
    with torch.inference_mode():
        assert torch.equal(again(TEXTS)["pooled"], encoder(TEXTS)["pooled"])


def test_the_default_prompt_stands_before_every_text_and_others_do_not(folder):
    prompts = {"prompts": {"query": "the film ", "topic": "sad "}, "default_prompt_name": "query"}
    plain = encoded(folder, [f"the film {text}" for text in TEXTS])["pooled"]
    write(folder / "config_sentence_transformers.json", prompts)
    assert torch.equal(encoded(folder)["pooled"], plain)
    write(folder / "config_sentence_transformers.json", {**prompts, "default_prompt_name": None})
    assert not torch.equal(encoded(folder)["pooled"], plain)


def test_a_prompt_may_be_left_out_of_the_pooling(folder):
    write(folder / "config_sentence_transformers.json", {"prompts": {"a": "the film "}, "default_prompt_name": "a"})
    write(folder / "modules.json", listed("Pooling"))
    write(folder / "1_Pooling" / "config.json", {"pooling_mode": "mean", "include_prompt": False})
    found = encoded(folder)
    for row, length in enumerate(found["mask"].sum(1)):
        expected = found["tokens"][row, 3:length].mean(0)  # [CLS] the film
        torch.testing.assert_close(found["pooled"][row, :WIDTH], expected)


def test_lower_case_and_length_are_as_the_folder_says(folder):
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["normalizer"] = None
    write(folder / "tokenizer.json", tokenizer)
    upper = [text.upper() for text in TEXTS]
    plain = encoded(folder)["pooled"]
    assert not torch.equal(encoded(folder, upper)["pooled"], plain)
    write(folder / "sentence_bert_config.json", {"max_seq_length": 9, "do_lower_case": True})
    _, state, encoder = built(folder)
    with torch.inference_mode():
        assert state.values["longest"] == 9 and torch.equal(encoder(upper[:2])["pooled"], encoder(TEXTS[:2])["pooled"])
        assert encoder(TEXTS)["mask"].shape == (3, 9)


def test_the_transformer_may_lie_in_a_folder_of_its_own(folder, tmp_path):
    outer = tmp_path / "outer"
    shutil.copytree(folder, outer / "0_Transformer")
    modules = listed("Pooling")
    modules[0]["path"] = "0_Transformer"
    write(outer / "modules.json", modules)
    write(outer / "1_Pooling" / "config.json", {"pooling_mode_max_tokens": True})
    found = encoded(outer)
    torch.testing.assert_close(
        found["pooled"][:, :WIDTH], found["tokens"].masked_fill(~found["mask"][..., None], float("-inf")).amax(1)
    )


def test_of_encoders_for_other_ends_the_transformer_is_used_alone(folder):
    write(folder / "modules.json", listed("SpladePooling"))
    with pytest.raises(BadWeights, match=r"module 1 is SpladePooling; known are .* use the encoder alone"):
        FAMILY.local(folder)
    write(folder / "config_sentence_transformers.json", {"model_type": "SparseEncoder"})
    info, _, encoder = built(folder)
    assert FAMILY.space_for(info) and encoder.widths["pooled"] == 2 * WIDTH


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda path: write(path / "modules.json", listed("Dense")), "module 1 is Dense"),
        (lambda path: write(path / "modules.json", {"a": "b"}), "a list of modules"),
        (lambda path: (path / "modules.json").write_text("["), "cannot be read as JSON"),
        (lambda path: write(path / "modules.json", listed(("Pooling", "../x"))), "lies outside the folder"),
        (lambda path: write(path / "1_Pooling" / "config.json", {"pooling_mode": "median"}), "'median' is not known"),
        (lambda path: dense(path / "2_Dense", WIDTH, 12, "module.os.system"), "'torch.nn.modules.module.os.system'"),
        (lambda path: dense(path / "2_Dense", WIDTH, 12, "activation.MultiheadAttention"), "no plain activation"),
        (lambda path: dense(path / "2_Dense", WIDTH, 12, module_input_name="token_embeddings"), "not the pooled"),
        (lambda path: dense(path / "2_Dense", 16, 12), "takes vectors of 16 numbers, and gets 32"),
        (lambda path: (path / "2_Dense" / "model.safetensors").unlink(), "fetch the whole folder"),
        (lambda path: write(path / "2_Dense" / "config.json", {"in_features": WIDTH}), "lacks the size"),
        (lambda path: dense(path / "2_Dense", WIDTH, 12, use_residual=True), r"missing: residual\.weight"),
    ],
)
def test_what_cannot_be_done_is_said(projected, change, words):
    change(projected)
    with pytest.raises(BadWeights, match=words):
        built(projected)


def test_a_folder_that_says_nothing_leaves_all_open(folder):
    found = sentence_modules(folder)
    assert (found.pooling, found.layers, found.prompt, found.longest) == ("", (), "", 0) and found.encoder == folder
