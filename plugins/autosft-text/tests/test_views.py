"""What training may see of a text: most of its words, in any script."""

import numpy as np
import pytest

from autosft.api import Example
from autosft_text.joining import SEPARATOR
from autosft_text.views import TextView, words_of

THAI = "ภาษาไทยเป็นภาษาที่ไม่มีการเว้นวรรคระหว่างคำ"


def seen(view, text, draw):
    return view(Example(text), draw).inputs


def test_words_make_up_the_text():
    for text in (
        "One, two  three!\nfour",
        "这部电影非常好看",
        THAI,
        "see https://example.org/a/very/long/path now",
        " a ",
    ):
        assert "".join(words_of(text)) == text
    assert list(words_of("One, two")) == ["One, ", "two"]
    assert len(list(words_of("这部电影"))) == 4 and len(list(words_of(THAI))) == len(THAI)


def test_without_strength_nothing_is_left_out():
    assert seen(TextView("none", 0.2), "a b c", np.random.default_rng(0)) == "a b c"


@pytest.mark.parametrize("strength, fraction", [("light", 0.1), ("strong", 0.3)])
def test_each_word_is_left_out_as_often_as_asked(strength, fraction):
    text = " ".join(map(str, range(20_000)))
    left = seen(TextView(strength, 0.1), text, np.random.default_rng(0)).split()
    assert len(left) == pytest.approx((1 - fraction) * 20_000, rel=0.02)
    assert left == sorted(left, key=int)


def test_something_is_always_left():
    view = TextView("strong", 0.2)
    for seed in range(30):
        draw = np.random.default_rng(seed)
        assert seen(view, "one", draw).strip() and seen(view, "a b", draw).strip()
        assert seen(view, "", draw) == ""


def test_the_parts_of_a_text_stay_apart():
    view, draw = TextView("strong", 0.2), np.random.default_rng(0)
    counts = {
        seen(view, SEPARATOR.join(["one two", "three four five", "six"]), draw).count(SEPARATOR) for _ in range(200)
    }
    assert counts == {2}
