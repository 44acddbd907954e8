"""Models that sentence-transformers saves give the vectors that it gives itself."""

import json
import shutil

import pytest
import torch

from autosft.api import Recipe, Rows
from autosft_text.transformers_family import TransformersFamily

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

TEXTS = ["the film was fine", "Sad", "a warm day and a cold meal, so was the book", "the story"]
WIDTH = 32


@pytest.fixture(scope="module")
def library():
    return pytest.importorskip("sentence_transformers")


@pytest.fixture
def saved(library, checkpoints, tmp_path):
    """A function that lets the library save a model and encode texts: the folder and the vectors."""
    from sentence_transformers.models import Pooling, Transformer

    def save(modes, *after, kind="bert", include_prompt=True, settings=(), prompts=(), change=None):
        base = shutil.copytree(checkpoints(kind), tmp_path / "base")
        named = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 64, "pad_token": "[PAD]"}
        if kind == "bert":
            named |= {"sep_token": "[SEP]", "cls_token": "[CLS]", "unk_token": "[UNK]", "mask_token": "[MASK]"}
        (base / "tokenizer_config.json").write_text(json.dumps(named))
        pooling = Pooling(WIDTH, pooling_mode=modes, include_prompt=include_prompt)
        transformer = Transformer(str(base), **dict(settings))
        model = library.SentenceTransformer(modules=[transformer, pooling, *after], device="cpu", **dict(prompts))
        folder = tmp_path / "saved"
        model.save(str(folder))
        if change:
            change(folder)
        model = library.SentenceTransformer(str(folder), device="cpu")
        return folder, model.encode(TEXTS, convert_to_tensor=True).cpu()

    return save


def answers(folder, width):
    family = TransformersFamily()
    info, weights = family.local(folder)
    state = family.fit(info, Rows.of(()), None, weights)
    encoder = family.build(info, Recipe(backbone="b", strategy="s"), state, weights).eval()
    with torch.inference_mode():
        return encoder(TEXTS)["pooled"][:, :width]


def compare(folder, expected):
    """Directions are equal; lengths too, unless the library's are 1."""
    found = answers(folder, expected.shape[1])
    if torch.allclose(expected.norm(dim=1), torch.ones(len(expected)), atol=1e-5):
        found = found / expected.shape[1] ** 0.5
    print(f"largest difference {(found - expected).abs().max():.1e}")
    assert torch.nn.functional.cosine_similarity(found, expected).min() > 0.99999
    torch.testing.assert_close(found, expected, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize(
    "modes",
    [
        *("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"),
        ("cls", "max", "mean"),
        ("weightedmean", "mean_sqrt_len_tokens"),
    ],
    ids=str,
)
def test_each_pooling(saved, modes):
    compare(*saved(modes))


@pytest.mark.parametrize("modes", ["mean", "lasttoken", "weightedmean"])
def test_decoders(saved, modes):
    compare(*saved(modes, kind="llama"))


@pytest.mark.parametrize("kind", ["tanh", "identity", "gelu without bias", "residual", "residual of one width"])
def test_dense_layers(saved, kind):
    from sentence_transformers.models import Dense, Normalize

    torch.manual_seed(3)
    layer = {
        "tanh": lambda: Dense(WIDTH, 12),
        "identity": lambda: Dense(WIDTH, 12, activation_function=torch.nn.Identity()),
        "gelu without bias": lambda: Dense(WIDTH, 12, bias=False, activation_function=torch.nn.GELU()),
        "residual": lambda: Dense(WIDTH, 12, use_residual=True),
        "residual of one width": lambda: Dense(WIDTH, WIDTH, use_residual=True),
    }[kind]()
    compare(*saved("mean", layer, Normalize()))


def test_two_dense_layers_on_two_poolings(saved):
    from sentence_transformers.models import Dense, Normalize

    torch.manual_seed(3)
    compare(*saved(("mean", "max"), Dense(2 * WIDTH, 24), Normalize(), Dense(24, 8)))


def test_norms_and_dropout(saved):
    from sentence_transformers.models import Dropout, LayerNorm, Normalize

    torch.manual_seed(3)
    norm = LayerNorm(WIDTH)
    torch.nn.init.normal_(norm.norm.weight)
    torch.nn.init.normal_(norm.norm.bias)
    compare(*saved("mean", norm, Dropout(0.3), Normalize()))


@pytest.mark.parametrize("modes", ["mean", "cls", "weightedmean", "max"])
@pytest.mark.parametrize("include_prompt", [True, False])
def test_prompts(saved, modes, include_prompt):
    prompts = {"prompts": {"a": "the day was ", "b": "cold "}, "default_prompt_name": "a"}
    compare(*saved(modes, include_prompt=include_prompt, prompts=prompts))


def test_lower_case(saved):
    def keep_case(folder):
        tokenizer = json.loads((folder / "tokenizer.json").read_text())
        tokenizer["normalizer"] = None
        (folder / "tokenizer.json").write_text(json.dumps(tokenizer))

    compare(*saved("mean", settings={"do_lower_case": True}, change=keep_case))


def test_files_of_an_older_release(saved):
    def as_before(folder):
        modules = json.loads((folder / "modules.json").read_text())
        for module in modules:
            module["type"] = f"sentence_transformers.models.{module['type'].rpartition('.')[2]}"
        (folder / "modules.json").write_text(json.dumps(modules))
        flags = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": False}
        config = {"word_embedding_dimension": WIDTH, **flags}
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(config))
        (folder / "config_sentence_transformers.json").write_text("{}")

    compare(*saved("mean", change=as_before))
