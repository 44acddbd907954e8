"""The language of texts is found out and said, and encoders that do not know it are known as such."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from autosft.api import BackboneInfo, Inputs, Row, Rows
from autosft_text.curated import CURATED
from autosft_text.languages import languages_of
from autosft_text.modality import TextModality
from autosft_text.static_family import StaticFamily
from autosft_text.words import words_in

ENGLISH = ["The soup was warm and the people were friendly.", "We waited for an hour, and then they had no table."]
GERMAN = [
    "Die Suppe war warm und die Leute waren freundlich.",
    "Wir haben eine Stunde gewartet, und es gab keinen Tisch.",
]
CHINESE = ["虽然送了三个多小时，但是态度很好，反正我也不急着吃。", "味道不错，就是送得太慢了，下次还会再来的。"]
ARABIC = [
    "كان الطعام لذيذا جدا والخدمة سريعة وسوف نعود مرة أخرى",
    "انتظرنا ساعة كاملة ولم يكن هناك طاولة لنا في المطعم",
]
TEXTS = {"en": ENGLISH, "de": GERMAN, "zh": CHINESE, "ar": ARABIC}


@pytest.mark.parametrize("language", TEXTS)
def test_the_language_of_texts_is_found(language):
    assert languages_of(TEXTS[language] * 20) == (language,)


def test_of_texts_in_several_languages_each_is_named_the_most_common_first_and_few_are_an_error():
    assert languages_of(GERMAN * 30 + ENGLISH * 10) == ("de", "en")
    assert languages_of(GERMAN * 30 + ENGLISH) == ("de",)


def test_of_texts_without_words_no_language_is_named():
    assert languages_of(["5", "!!!", "", "ok", "👍👍👍"]) == ()


def state_of(texts):
    rows = Rows.of(Row(str(number), text) for number, text in enumerate(texts))
    return TextModality().fit(rows, TextModality().read)


def info(*languages):
    return BackboneInfo(name="a/b", inputs=Inputs(kind="text"), languages=frozenset(languages))


def test_an_encoder_of_another_language_is_told_from_one_that_knows_it_or_says_nothing():
    modality, german = TextModality(), state_of(GERMAN * 10)
    assert modality.describe(german) == "language: de" and modality.describe(state_of(["?"])) == ""
    assert modality.unfamiliar(info("en"), german) == "knows en, and the texts are in de"
    assert not any(modality.unfamiliar(one, german) for one in (info("de", "en"), info()))
    assert not modality.unfamiliar(info("en"), state_of(["?"]))


def test_the_curated_encoders_know_english_but_for_those_of_many_languages():
    many = {one.name for one in CURATED if not one.languages}
    assert many == {one.name for one in CURATED if "multilingual" in one.name} != set()
    assert all(one.languages == {"en"} for one in CURATED if one.name not in many)


def test_word_vectors_are_of_the_language_of_their_most_common_words(tmp_path):
    words = "die der und in zu den das nicht von sie ist des sich mit dem dass er es ein ich auf so eine auch als"
    (tmp_path / "vocab.txt").write_text(words.replace(" ", "\n"))
    save_file({"embedding.weight": np.zeros((words.count(" ") + 1, 3), np.float32)}, tmp_path / "model.safetensors")
    found = StaticFamily().local(tmp_path)
    assert found is not None and found[0].languages == {"de"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I can't pay 3.14 €, ok?", ["I", "can't", "pay", "3.14", "€", ",", "ok", "?"]),
        ("我喜欢 ice-cream", ["我", "喜", "欢", "ice", "-", "cream"]),
        ("مطعم جميل جدا", ["مطعم", "جميل", "جدا"]),
        (" \n", []),
    ],
)
def test_words_end_where_unicode_says(text, words):
    assert words_in(text) == words
