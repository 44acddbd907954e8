"""From texts to tokens: heads and tails, parts, padding, and whatever length."""

import numpy as np
import pytest

from autosft.api import BadWeights, Row, Rows
from autosft_text.tokenizing import TextTokenizer, truncation_note

CLS, SEP = 2, 3


@pytest.fixture
def tokenizer(tokenizer_json):
    def make(kind="encoder", **options):
        return TextTokenizer(tokenizer_json[kind].encode(), **options)

    return make


def words_of(tokenizer_json, numbers):
    from tokenizers import Tokenizer

    whole = Tokenizer.from_str(tokenizer_json["encoder"])
    return [whole.id_to_token(number) for number in numbers]


def test_texts_begin_and_end_as_the_checkpoint_wants_and_are_filled_up(tokenizer, tokenizer_json):
    numbers, there = tokenizer(pad=7)(["the film was fine", "sad", ""])
    assert words_of(tokenizer_json, numbers[0]) == ["[CLS]", "the", "film", "was", "fine", "[SEP]"]
    assert numbers[1].tolist()[3:] == [7, 7, 7] and numbers[2].tolist() == [CLS, SEP, 7, 7, 7, 7]
    assert there.sum(1).tolist() == [6, 3, 2] and there.dtype == bool
    plain, there = tokenizer("decoder")(["film", ""])
    assert plain.shape == (2, 1) and there.sum(1).tolist() == [1, 1], "a text without tokens is one of padding"


def test_a_long_text_keeps_head_and_tail(tokenizer, tokenizer_json):
    text = "film story song meal room day book film"
    numbers, _ = tokenizer(longest=7)([text])
    assert words_of(tokenizer_json, numbers[0]) == ["[CLS]", "film", "story", "song", "book", "film", "[SEP]"]
    assert tokenizer(longest=10)([text])[0].shape == (1, 10) and not tokenizer(longest=10).cuts(text)
    assert tokenizer(longest=7).cuts(text)


def test_parts_are_told_apart_and_what_stands_before_stays(tokenizer, tokenizer_json):
    numbers, _ = tokenizer(between="[SEP]", before="was ")(["film\x1fsong"])
    assert words_of(tokenizer_json, numbers[0]) == ["[CLS]", "was", "film", "[SEP]", "song", "[SEP]"]


def test_a_megabyte_in_a_row_is_cut_before_it_is_tokenized(tokenizer, monkeypatch):
    small = tokenizer(longest=16)
    seen = []
    encode = small._tokenizer.encode

    class Watched:
        def encode(self, text, **options):
            seen.append(len(text))
            return encode(text, **options)

    monkeypatch.setattr(small, "_tokenizer", Watched())
    numbers, _ = small(["film " * 200_000 + "sad"])
    assert numbers.shape == (1, 16) and max(seen) < 1000
    assert small(["sad"])[0][0, 1] == numbers[0, -2]


def test_it_is_said_if_many_texts_are_cut(tokenizer):
    rows = Rows.of(Row(str(n), "film " * (30 if n % 4 == 0 else 3)) for n in range(40))
    assert truncation_note(tokenizer(longest=16), rows, lambda row: row.ref) == (
        "25 % of the texts are longer than 16 tokens; of these it sees head and tail"
    )
    assert truncation_note(tokenizer(longest=64), rows, lambda row: row.ref) == ""


def test_something_else_is_no_tokenizer():
    with pytest.raises(BadWeights, match=r"tokenizer\.json"):
        TextTokenizer(b'{"no": "tokenizer"}')


def test_rows_do_not_depend_on_their_neighbors(tokenizer):
    texts = ["the film was fine", "sad", "a warm day and a cold meal"]
    together, there = tokenizer()(texts)
    for text, row, mask in zip(texts, together, there, strict=True):
        assert np.array_equal(tokenizer()([text])[0][0], row[mask])
