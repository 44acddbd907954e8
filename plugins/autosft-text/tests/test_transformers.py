"""Transformers of every kind: as the library itself encodes, by weights that fit exactly, without their folder."""

import json
import shutil

import pytest
import torch

from autosft.api import BadWeights, Recipe, Rows, State, WeightFile
from autosft.testing.conformance import BackboneConformance
from autosft.testing.trials import with_values
from autosft_text.modality import TextModality
from autosft_text.transformers_family import TransformersFamily

TEXTS = ["the film was fine", "sad", "a warm day and a cold meal, so was the book"]
FAMILY = TransformersFamily()
RECIPE = Recipe(backbone="b", strategy="s")
# fmt: off
ENCODERS = ("bert", "roberta", "distilbert", "electra", "mpnet", "modernbert", "deberta-v2")
# fmt: on


def built(folder, recipe=RECIPE):
    info, weights = FAMILY.local(folder)
    state = FAMILY.fit(info, Rows.of(()), None, weights)
    return info, state, FAMILY.build(info, recipe, state, weights).eval()


def reference(folder, texts):
    """Vectors of tokens after the first layer, of two, and after the last by the library, one text at a time."""
    from transformers import AutoModel, PreTrainedTokenizerFast

    network = AutoModel.from_pretrained(folder).eval()
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    for text in texts:
        given = torch.tensor([tokenizer(text)["input_ids"]])
        with torch.inference_mode():
            told = network(input_ids=given, attention_mask=torch.ones_like(given), output_hidden_states=True)
        yield told.hidden_states[1][0], told.last_hidden_state[0]


def side_by_side(last, earlier):
    """A pooled vector, as it is made of those of two layers."""
    return torch.cat([last, (earlier - earlier.mean()) / (earlier.var(correction=0) + 1e-5).sqrt()])


class TestBert(BackboneConformance):
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
    def weights(self, checkpoints):
        return FAMILY.local(checkpoints("bert"))[1]


@pytest.mark.parametrize("kind", ENCODERS)
def test_encoders_are_as_the_library_has_them_whatever_stands_beside(checkpoints, kind):
    folder = checkpoints(kind)
    info, _, encoder = built(folder)
    with torch.inference_mode():
        encoded = encoder(TEXTS)
    for place, (earlier, tokens) in enumerate(reference(folder, TEXTS)):
        mine = encoded["tokens"][place][encoded["mask"][place]]
        torch.testing.assert_close(mine, tokens, atol=1e-5, rtol=1e-4)
        pooled = side_by_side(tokens.mean(0), earlier.mean(0))
        torch.testing.assert_close(encoded["pooled"][place], pooled, atol=1e-4, rtol=1e-3)
    assert info.parameters == sum(parameter.numel() for parameter in encoder.parameters())
    assert info.gigaflops > 0 and encoder.widths == {"pooled": 64, "tokens": 32}
    blocks = encoder.blocks()
    layers = [block for block in blocks if any(".0." in name or ".1." in name for name in block)]
    assert len(layers) == 2 and sorted(name for block in blocks for name in block) == sorted(
        name for name, _ in encoder.named_parameters()
    )


def test_texts_of_many_lengths_are_encoded_in_groups_as_they_are_together(checkpoints, sentences):
    _, _, encoder = built(checkpoints("bert"))
    texts = [" ".join(text.split()[: 1 + n % 11]) for n, (text, _) in enumerate(sentences(21))]
    with torch.inference_mode():
        groups = encoder(texts)
    together = encoder(texts)
    assert torch.equal(groups["mask"], together["mask"])
    torch.testing.assert_close(groups["pooled"], together["pooled"].detach(), atol=1e-5, rtol=1e-4)
    there = groups["mask"]
    torch.testing.assert_close(groups["tokens"][there], together["tokens"].detach()[there], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_decoders_are_pooled_at_their_last_token(checkpoints, kind):
    folder = checkpoints(kind)
    _, _, encoder = built(folder)
    with torch.inference_mode():
        encoded = encoder([*TEXTS, ""])
    for place, (earlier, tokens) in enumerate(reference(folder, TEXTS)):
        pooled = side_by_side(tokens[-1], earlier[-1])
        torch.testing.assert_close(encoded["pooled"][place], pooled, atol=1e-4, rtol=1e-3)
    assert torch.isfinite(encoded["pooled"]).all()


def test_the_other_pooling_is_searched_where_nothing_is_known(checkpoints, tmp_path):
    folder = shutil.copytree(checkpoints("bert"), tmp_path / "mine")
    other = RECIPE.changed(own={"transformers": {"pooling": "other"}})
    info, _, encoder = built(folder, other)
    assert FAMILY.space_for(info)
    with torch.inference_mode():
        encoded = encoder(TEXTS)
    assert torch.equal(encoded["pooled"][:, :32], encoded["tokens"][:, 0])
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": True}))
    info, _, encoder = built(folder)
    assert not FAMILY.space_for(info) and info.arguments == {"pooling": "first"}
    with torch.inference_mode():
        assert torch.equal(encoder(TEXTS)["pooled"], encoded["pooled"])


def test_a_bundle_needs_no_folder(checkpoints, tmp_path):
    folder = shutil.copytree(checkpoints("roberta"), tmp_path / "mine")
    info, state, encoder = built(folder)
    shutil.rmtree(folder)
    arrays = {}
    plain = json.loads(json.dumps(state.plain("b", arrays)))
    again = FAMILY.build(info, RECIPE, State.from_plain(plain, "b", arrays), None).eval()
    again.load_state_dict(encoder.state_dict())
    with torch.inference_mode():
        assert torch.equal(again(TEXTS)["pooled"], encoder(TEXTS)["pooled"])


def test_weights_under_a_head_and_old_names_are_taken(checkpoints, tmp_path):
    from safetensors.torch import load_file, save_file

    headed = checkpoints("bert", headed=True)
    folder = shutil.copytree(headed, tmp_path / "old")
    tensors = load_file(folder / "model.safetensors")
    assert any(key.startswith("cls.") for key in tensors)
    renamed = {
        key.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for key, tensor in tensors.items()
    }
    save_file(renamed, folder / "model.safetensors", metadata={"format": "pt"})
    (_, _, one), (_, _, other) = built(headed), built(folder)
    assert all(torch.equal(tensor, other.state_dict()[name]) for name, tensor in one.state_dict().items())


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda tensors: tensors.pop("encoder.layer.1.output.dense.weight"), "missing: encoder.layer.1.output"),
        (lambda tensors: tensors.update({"encoder.layer.2.output.dense.weight": torch.ones(2)}), "unexpected: encoder"),
        (lambda tensors: tensors.update({"embeddings.word_embeddings.weight": torch.ones(9, 32)}), "shape|size"),
    ],
    ids=["missing", "too many", "other shape"],
)
def test_weights_of_another_architecture_are_refused(checkpoints, tmp_path, change, words):
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(checkpoints("bert"), tmp_path / "odd")
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BadWeights, match=words):
        built(folder)


def test_replaced_or_damaged_weights_are_refused(checkpoints, tmp_path):
    folder = shutil.copytree(checkpoints("bert"), tmp_path / "odd")
    info, weights = FAMILY.local(folder)
    state = FAMILY.fit(info, Rows.of(()), None, weights)
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(BadWeights, match="sha256"):
        FAMILY.build(info, RECIPE, state, weights)
    (folder / "model.safetensors").write_bytes(content[:1000])
    with pytest.raises(BadWeights, match="cannot be read"):
        FAMILY.local(folder)


def test_what_is_missing_beside_the_weights_is_said(checkpoints, tmp_path):
    for name, words in (("tokenizer.json", "no tokenizer"), ("model.safetensors", "no model")):
        folder = shutil.copytree(checkpoints("bert"), tmp_path / name)
        (folder / name).unlink()
        with pytest.raises(BadWeights, match=words):
            FAMILY.local(folder)
    info = FAMILY.curated()[0]
    with pytest.raises(BadWeights, match="tokenizer"):
        FAMILY.fit(info, Rows.of(()), None, WeightFile(source="x", path=str(tmp_path / "none")))


def test_a_vocabulary_of_words_becomes_a_tokenizer(checkpoints, tmp_path):
    folder = shutil.copytree(checkpoints("bert"), tmp_path / "old")
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.get)))
    config = {"tokenizer_class": "BertTokenizer", "model_max_length": 64}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (_, _, one), (_, _, other) = built(checkpoints("bert")), built(folder)
    with torch.inference_mode():
        assert torch.allclose(one(TEXTS)["pooled"], other(TEXTS)["pooled"], atol=1e-6)


@pytest.mark.parametrize(
    "config",
    [
        {"architecture": "resnet18"},
        {"model_type": "moonshine", "is_encoder_decoder": True},
        {"model_type": "wav2vec2"},
        {"model_type": "timm_wrapper", "architecture": "resnet18"},
        [],
    ],
    ids=["timm", "moonshine", "wav2vec2", "timm in transformers", "a list"],
)
def test_folders_of_others_are_left_alone(tmp_path, config):
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "tokenizer.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert FAMILY.local(tmp_path) is None


def test_a_folder_named_like_a_curated_encoder_inherits_what_is_known_of_it(checkpoints, tmp_path):
    info, _ = FAMILY.local(shutil.copytree(checkpoints("bert"), tmp_path / "e5-small-v2"))
    assert info.arguments == {"pooling": "mean", "before": "query: "} and info.license == "MIT"


def test_any_repository_of_the_hub_may_be_named():
    (info,) = FAMILY.match("someone/some-model.v2")
    assert info.name == "transformers/someone/some-model.v2" and info.pretrained["hub"] == "someone/some-model.v2"
    assert FAMILY.match("resnet50") == [] == FAMILY.match("someone/*")
    assert len(FAMILY.match("sentence-transformers/*")) == 5


def test_code_in_a_folder_is_never_run(checkpoints, tmp_path):
    folder = shutil.copytree(checkpoints("bert"), tmp_path / "mine")
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "evil.EvilModel", "AutoConfig": "evil.EvilConfig"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    built(folder)
    assert not (tmp_path / "ran").exists()


def test_a_bundle_s_configuration_brings_in_neither_code_nor_kernels(checkpoints):
    """Nobody need trust a bundle: what it says of code elsewhere is not read."""
    info, state, _ = built(checkpoints("bert"))
    elsewhere = {"auto_map": {"AutoModel": "somebody/code--model.Model"}, "_attn_implementation": "somebody/kernel"}
    told = with_values(state, config={**state.values["config"], **elsewhere})

    encoder = FAMILY.build(info, RECIPE, told, None)

    assert type(encoder.network).__module__.startswith("transformers.")
    assert encoder.network.config._attn_implementation in ("sdpa", "eager")


@pytest.mark.parametrize(
    "kind", ["bert", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("roberta", "distilbert"))]
)
def test_it_is_a_graph_of_tokens_at_any_length(checkpoints, kind):
    _, _, encoder = built(checkpoints(kind))
    graph = encoder.graph()
    given = graph.tensors(TEXTS)
    dynamic = tuple(dict.fromkeys((0, *graph.varying[name]), torch.export.Dim.DYNAMIC) for name in given)

    with torch.no_grad():
        traced = torch.export.export(graph.module, tuple(given.values()), dynamic_shapes=dynamic).module()
        for texts in (TEXTS, [TEXTS[2]] * 2, ["a film", "a book", "a song", "sad"]):
            told = traced(*graph.tensors(texts).values())
            torch.testing.assert_close(told["pooled"], encoder(texts)["pooled"], atol=1e-4, rtol=1e-4)
    assert set(graph.files) == {"tokenizer.json"} and graph.preparation["longest"] == encoder._tokenizer.longest


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": "timm_wrapper", "architecture": "hf-hub:somebody/model"},
        {
            "model_type": "gemma3n",
            "vision_config": {"model_type": "timm_wrapper", "architecture": "hf-hub:somebody/model"},
        },
        {
            "model_type": "bert",
            "deep": {"deeper": {"model_type": "timm_wrapper", "model_args": {"checkpoint_path": "/x"}}},
        },
    ],
    ids=["alone", "beside texts", "nested"],
)
def test_a_bundle_s_configuration_has_no_other_models_read(checkpoints, config):
    """Nobody need trust a bundle: timm would ask the hub, or read any file, for what such a configuration names."""
    info, state, _ = built(checkpoints("bert"))

    with pytest.raises(BadWeights, match="no encoder of texts alone"):
        FAMILY.build(info, RECIPE, with_values(state, config=config), None)
