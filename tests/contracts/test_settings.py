"""What a user may write behind `--set`, and what it leaves of a parameter."""

from __future__ import annotations

import pytest

from autosft.contracts.recipe import SHARED
from autosft.contracts.settings import check_setting, narrowed, parse_settings, texts_of, words_of
from autosft.contracts.space import Choice, Float, Int
from autosft.errors import BadInput, UnknownName

RATE = Float(1e-5, 1e-2, default=1e-3, log=True, doc="the rate")
EPOCHS = Int(4, 30, default=12)
LOSS = Choice(("cross_entropy", "focal"))
SIZES = Choice((32, 16, 64))
FLIP = Choice((True, False))
WHAT = Choice(("biases and norms", "biases, alone"))


def test_settings_are_taken_apart_at_the_last_dot_and_shared_fields_have_short_names():
    found = parse_settings(["fixmatch.threshold=0.8", "lr = 1e-4", "full.optim.lr=1e-5..1e-4", "optim.clip=0"])

    assert found == {
        "fixmatch": {"threshold": "0.8"},
        "optim": {"lr": "1e-4", "clip": "0"},
        "full.optim": {"lr": "1e-5..1e-4"},
    }
    assert parse_settings(words_of(found)) == found


def test_a_program_gives_numbers_and_lists():
    given = {"fixmatch.threshold": 0.8, "batch_size": [16, 32], "image.flip": False, "full.lr": "1e-5..1e-4"}

    assert texts_of(given) == ["fixmatch.threshold=0.8", "batch_size=16,32", "image.flip=false", "full.lr=1e-5..1e-4"]
    assert texts_of(["lr=1e-4"]) == ["lr=1e-4"] and texts_of("lr=1e-4") == ["lr=1e-4"]


@pytest.mark.parametrize("text", ["", "lr", "lr=", "=3", "classification.loss"])
def test_what_is_no_setting_is_refused_with_an_example(text):
    with pytest.raises(BadInput, match=r"is not PART\.PARAMETER=VALUE, such as"):
        parse_settings([text])


def test_a_name_without_a_part_must_be_a_shared_field():
    with pytest.raises(UnknownName, match="Did you mean 'batch_size'"):
        parse_settings(["batchsize=16"])


def test_setting_a_parameter_twice_is_refused_whichever_name_is_used():
    with pytest.raises(BadInput, match=r"optim\.lr is set twice"):
        parse_settings(["lr=1e-4", "optim.lr=1e-3"])


@pytest.mark.parametrize(
    ("parameter", "text", "left"),
    [
        (RATE, "1e-4", Float(1e-4, 1e-4, default=1e-4, log=True)),
        (RATE, "1e-4..5e-3", Float(1e-4, 5e-3, default=1e-3, log=True)),
        (RATE, "1e-7..1e-4", Float(1e-5, 1e-4, default=1e-4, log=True)),
        (RATE, "1e-4, 1e-3", Choice((1e-3, 1e-4))),
        (RATE, "0.5", Float(0.5, 0.5, default=0.5, log=True)),  # as said, where it is in the range of another part
        (EPOCHS, "8", Int(8, 8, default=8)),
        (EPOCHS, "20..30", Int(20, 30, default=20)),
        (EPOCHS, "4,30", Choice((4, 30))),
        (LOSS, "focal", Choice(("focal",))),
        (LOSS, "focal,cross_entropy", Choice(("cross_entropy", "focal"))),
        (SIZES, "16,64", Choice((16, 64))),
        (SIZES, "16..32", Choice((32, 16))),
        (FLIP, "False", Choice((False,))),
        (WHAT, "biases, alone", Choice(("biases, alone",))),
        (SHARED["optim.clip"], "0", Choice((0.0,))),
    ],
)
def test_a_setting_leaves_of_a_parameter_what_both_allow(parameter, text, left):
    assert narrowed(parameter, text) == left
    assert narrowed(parameter, text).doc == parameter.doc


@pytest.mark.parametrize(
    ("declared", "text", "said"),
    [
        ([RATE], "fast", "'fast' is no number. Allowed: 1e-05 to 0.01, logarithmic"),
        ([RATE], "1", "1 is out of range"),
        ([RATE], "nan", "nan is out of range"),
        ([RATE], "1e-3..1", "1 is out of range"),
        ([RATE], "1e-3..1e-4", "no range from a lower to a higher"),
        ([EPOCHS], "4.5", "4.5 is no whole number"),
        ([EPOCHS], "inf", "inf is no whole number"),
        ([LOSS], "focl", r"'focl' is no choice \(did you mean 'focal'\?\). Allowed: cross_entropy, focal"),
        ([SIZES], "8", "8 is out of range. Allowed: 32, 16, 64"),
        ([FLIP], "perhaps", "is no choice"),
        ([RATE, Float(0.1, 1.0, default=0.2)], "2", "Allowed: 1e-05 to 0.01, logarithmic or 0.1 to 1"),
    ],
)
def test_what_is_not_allowed_is_one_line_with_what_is(declared, text, said):
    with pytest.raises(BadInput, match=said) as caught:
        check_setting("part.parameter", text, declared)

    assert str(caught.value).startswith(f"Setting part.parameter={text}: ") and "\n" not in str(caught.value)


def test_a_value_may_be_in_the_range_of_any_part_that_has_the_parameter():
    check_setting("optim.lr", "0.5", [RATE, Float(0.1, 1.0, default=0.2)])
    check_setting("optim.lr", "1e-4..0.5", [RATE, Float(0.1, 1.0, default=0.2)])
