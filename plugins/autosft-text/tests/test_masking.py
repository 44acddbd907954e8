"""What encoders of texts hide from themselves: tokens of the texts, never what stands around them."""

import pytest
import torch

from autosft.api import BadInput, Recipe, Row, Rows
from autosft_text.lstm_encoder import LstmEncoder
from autosft_text.lstm_family import LstmFamily
from autosft_text.masking import chosen_tokens, corrupted
from autosft_text.tokenizing import TextTokenizer
from autosft_text.transformers_family import TransformersFamily

FAMILY = TransformersFamily()
TEXTS = [
    "The film was fine, so was the song 7.",
    "sad [SEP] cold",
    "",
    "The meal was warm and nobody said more about it.",
]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_of_the_chosen_eight_in_ten_are_masked_one_is_another_token_and_one_stays():
    numbers = torch.full((100, 400), 7)
    chosen = chosen_tokens(torch.ones_like(numbers, dtype=torch.bool), 0.15, generator())
    shown = corrupted(numbers, chosen, 4, 5000, generator(1))

    assert chosen.float().mean() == pytest.approx(0.15, abs=0.01)
    assert (shown[~chosen] == 7).all()
    assert (shown[chosen] == 4).float().mean() == pytest.approx(0.8, abs=0.02)
    assert (shown[chosen] == 7).float().mean() == pytest.approx(0.1, abs=0.02)
    assert len(shown[chosen].unique()) > 300


def test_one_token_at_least_is_chosen_if_there_is_any():
    places = torch.zeros(3, 5, dtype=torch.bool)
    assert not chosen_tokens(places, 0.15, generator()).any()
    places[1, 2] = True
    assert all(chosen_tokens(places, 0.01, generator(seed)).sum() == 1 for seed in range(20))


def built(folder):
    info, weights = FAMILY.local(folder)
    state = FAMILY.fit(info, Rows.of(()), None, weights)
    return info, FAMILY.build(info, Recipe(backbone="b", strategy="s"), state, weights).eval()


def test_special_tokens_are_never_hidden(checkpoints, tokenizer_json):
    info, encoder = built(checkpoints("bert"))
    tokenizer = TextTokenizer(tokenizer_json["encoder"].encode())
    numbers, there = tokenizer(TEXTS)
    wanted = [
        number for row, seen in zip(numbers.tolist(), there, strict=True) for number in row[: seen.sum()] if number > 4
    ]

    masked = encoder.masked(TEXTS, 1.0, generator())

    assert info.hides == "tokens" and tokenizer.mask == 4
    assert masked.targets.tolist() == wanted
    assert masked.encoded.shape == (len(wanted), encoder.place_width)


@pytest.mark.parametrize("kind", ["bert", "roberta", "distilbert", "electra", "mpnet", "modernbert", "deberta-v2"])
def test_each_kind_of_transformer_learns_from_hidden_tokens(checkpoints, kind):
    _, encoder = built(checkpoints(kind))
    masked = encoder.masked(TEXTS, 0.3, generator())
    assert len(encoder.token_embeddings()) == 400
    masked.encoded.square().sum().backward()
    assert torch.isfinite(masked.encoded).all() and encoder.token_embeddings().grad.abs().sum() > 0


def test_a_tokenizer_without_a_mask_is_told_and_refused(checkpoints, tmp_path):
    import json
    import shutil

    folder = tmp_path / "maskless"
    shutil.copytree(checkpoints("bert"), folder)
    content = (folder / "tokenizer.json").read_text().replace("[MASK]", "[REST]")
    (folder / "tokenizer.json").write_text(content)
    assert json.loads(content)

    info, encoder = built(folder)

    assert info.hides == ""
    with pytest.raises(BadInput, match="no token that stands for one that is hidden"):
        encoder.masked(TEXTS, 0.3, generator())


def test_what_an_lstm_makes_of_a_token_does_not_depend_on_it():
    rows = Rows.of(Row(str(n), text) for n, text in enumerate(["a film of war", "a song of war"] * 3))
    state = LstmFamily().fit(LstmFamily().curated()[0], rows, lambda row: row.ref)
    encoder = LstmEncoder(TextTokenizer(state.arrays["tokenizer"].tobytes()), state.values["vocabulary"], 8, 8).eval()
    one, other = ([text] for text in ("a x of war", "a y of war"))
    first, second = (encoder.masked(text, 0.15, generator()) for text in (one, other))

    (changed,) = (first.targets != second.targets).nonzero()
    same = (first.encoded == second.encoded).all(1)
    assert same.nonzero().flatten().tolist() == changed.tolist()
    assert len(first.targets) == len(encoder(one)["tokens"][0])
