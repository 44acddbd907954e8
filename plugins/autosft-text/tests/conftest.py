"""Small tables of texts, and tiny checkpoints as transformers saves them."""

import csv
import json

import numpy as np
import pytest
import torch

GOOD = ("fine", "lovely", "great", "warm", "bright")
BAD = ("dull", "poor", "cold", "broken", "sad")
THINGS = ("film", "story", "song", "meal", "room", "day", "book")


def _sentences(count, seed=0):
    """Pairs of a sentence and its label, which follows from one word of it."""
    draw = np.random.default_rng(seed)
    for number in range(count):
        label, words = (("pos", GOOD), ("neg", BAD))[number % 2]
        thing, other = draw.choice(THINGS, 2, replace=False)
        extra = " and nobody said more about it" * int(draw.integers(0, 3))
        yield f"The {thing} was {draw.choice(words)}, so was the {other} {number}{extra}.", label


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def sentences():
    """A function that makes so many pairs of a text and its label."""
    return _sentences


@pytest.fixture
def write_table():
    """Write rows as CSV and give the path."""

    def write(path, rows, header=("text", "label"), **options):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="", encoding=options.pop("encoding", "utf-8")) as stream:
            writer = csv.writer(stream, **options)
            writer.writerows([header, *rows] if header else rows)
        return path

    return write


@pytest.fixture
def reviews(tmp_path, write_table):
    """A folder with train.csv and test.csv."""
    write_table(tmp_path / "reviews" / "train.csv", list(_sentences(60)))
    write_table(tmp_path / "reviews" / "test.csv", list(_sentences(20, seed=1)))
    return tmp_path / "reviews"


KINDS = {
    "bert": {"intermediate_size": 48, "vocab_size": 400},
    "roberta": {"intermediate_size": 48, "vocab_size": 400, "max_position_embeddings": 66, "pad_token_id": 1},
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 48, "vocab_size": 400},
    "electra": {"embedding_size": 16, "intermediate_size": 48, "vocab_size": 400},
    "mpnet": {"intermediate_size": 48, "vocab_size": 400},
    "modernbert": {"intermediate_size": 48, "vocab_size": 400, "pad_token_id": 0, "cls_token_id": 2, "sep_token_id": 3},
    "deberta-v2": {
        "intermediate_size": 48,
        "vocab_size": 400,
        "relative_attention": True,
        "pos_att_type": ["p2c", "c2p"],
    },
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "vocab_size": 400, "n_positions": 64},
    "llama": {"intermediate_size": 48, "vocab_size": 400, "max_position_embeddings": 64},
}
COMMON = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
DECODERS = ("gpt2", "llama")


@pytest.fixture(scope="session")
def tokenizer_json():
    """A tokenizer of words and their pieces, with [CLS] and [SEP]; the same without."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=400, special_tokens=specials, show_progress=False)
    tokenizer.train_from_iterator((text for text, _ in _sentences(60)), trainer)
    plain = tokenizer.to_str()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return {"encoder": tokenizer.to_str(), "decoder": plain}


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory, tokenizer_json):
    """A function from a kind of network to a folder as `save_pretrained` writes it, made once."""
    from transformers import CONFIG_MAPPING, AutoModel, AutoModelForMaskedLM

    made = {}

    def folder(kind, headed=False):
        if (kind, headed) not in made:
            path = tmp_path_factory.mktemp("weights") / f"tiny-{kind}{'-headed' * headed}"
            common = {} if kind in ("distilbert", "gpt2") else COMMON
            config = CONFIG_MAPPING[kind](**common, **KINDS[kind])
            torch.manual_seed(0)
            (AutoModelForMaskedLM if headed else AutoModel).from_config(config).save_pretrained(path)
            content = tokenizer_json["decoder" if kind in DECODERS else "encoder"]
            (path / "tokenizer.json").write_text(content, encoding="utf-8")
            named = {"pad_token": "[PAD]", "sep_token": {"content": "[SEP]"}, "model_max_length": 64}
            (path / "tokenizer_config.json").write_text(json.dumps({} if kind in DECODERS else named))
            made[kind, headed] = path
        return made[kind, headed]

    return folder
