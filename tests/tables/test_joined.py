"""Joined labels are told from names of single ones, and what is doubtful stays whole."""

from __future__ import annotations

import random

import pytest

from autosft.tables.joined import AS_LIST, find_separator, parts_of

FEELINGS = ["joy", "love", "fear", "anger", "sadness", "surprise", "neutral"]


def sets(separator, rows=400, most=3, seed=0):
    draw = random.Random(seed)
    return [
        separator.join(sorted(draw.sample(FEELINGS, draw.choice([1, 1, *range(1, most + 1)])))) for _ in range(rows)
    ]


@pytest.mark.parametrize("separator", ["|", ";", ",", ", ", " | ", " "])
def test_sets_of_labels_are_recognized(separator):
    assert find_separator(sets(separator)) == (separator.strip() or " ")


@pytest.mark.parametrize(
    "names",
    [
        ["News, Politics", "Health, Fitness", "Arts, Film", "Sports"],
        ["Sports, Ball", "Sports, Water", "Food"],
        ["very negative", "negative", "neutral", "positive", "very positive"],
        ["strongly agree", "agree", "neutral", "disagree", "strongly disagree"],
        [f"{shade} {color}" for shade in ("dark", "light", "pale") for color in ("red", "blue", "green", "pink")],
        [f"{brand}, {color}" for brand in "ABCDEFGH" for color in ("red", "blue", "green", "pink")],
        ["lost card", "stolen card", "card arrival", "card not working", "exchange rate", "top up", "top up failed"],
        ["Washington, DC", "Austin, TX", "Dallas, TX", "Boston, MA", "Salem, MA", "Salem, OR"],
        ["Sci/Tech", "World", "Business"],
        ["it is, well, one of those long sentences, and so on", "that too, well, is a sentence"],
    ],
)
def test_names_of_single_labels_stay_whole(names):
    cells = [names[number % len(names)] for number in range(400)]

    assert find_separator(cells) == ""


def test_sentences_are_no_sets():
    draw = random.Random(0)
    words = ["the", "film", "was", "so", "good", "and", "its", "cast", "bad", "that", "we", "left", "but", "not", "all"]

    assert find_separator(" ".join(draw.choices(words, k=draw.randint(1, 9))) for _ in range(400)) == ""


def test_a_user_who_says_several_is_believed():
    assert find_separator(["News, Politics", "Health, Fitness", "Sports"] * 9, sure=True) == ","


@pytest.mark.parametrize(
    "cell",
    [
        "['joy', 'very sad']",
        '["joy", "very sad"]',
        "['joy' 'very sad']",
        "[joy, very sad]",
        "[ 'very sad','joy', 'joy' ]",
    ],
)
def test_lists_as_programs_write_them_are_read(cell):
    assert find_separator([cell, "[]"]) == AS_LIST
    assert parts_of(cell, AS_LIST) == ("joy", "very sad")


def test_numbers_and_quotes_in_lists_are_read():
    assert parts_of("[3, 15]", AS_LIST) == parts_of("[ 3 15]", AS_LIST) == ("15", "3")
    assert parts_of("['it\\'s', \"don't\"]", AS_LIST) == ("don't", "it's")
    assert parts_of("[]", AS_LIST) == ()


def test_parts_are_sorted_and_each_once():
    assert parts_of(" love| joy |love|", "|") == ("joy", "love")
    assert parts_of("a, b", "") == ("a, b",)
