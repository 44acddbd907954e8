"""What a budget may look like, and which settings are refused."""

from __future__ import annotations

import math

import pytest

from autosft.errors import BadInput, UnknownName
from autosft.runs.spec import SearchSpec, parse_seconds, without_password


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("5m", 300),
        ("1h30m", 5400),
        ("1h0m5s", 3605),
        ("300", 300),
        ("1.5m", 90),
        ("0.5", 0.5),
        (" 2M ", 120),
    ],
)
def test_a_length_of_time_is_read(text, seconds):
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "soon", "-5", "-5m", "0", "0s", "5x", "5m3", "m5", "1e3", "nan", "inf", "5 m 3", "1:30"]
)
def test_anything_else_is_refused_with_examples(text):
    with pytest.raises(BadInput, match=r"not a length of time.*90s, 5m, 1h30m"):
        parse_seconds(text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"budget": 0},
        {"budget": -1},
        {"budget": math.inf},
        {"disk": math.inf},
        {"trials": 0},
        {"seed": -1},
        {"threads": 0},
        {"precision": "half"},
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused_by_name(wrong):
    with pytest.raises(BadInput, match=next(iter(wrong))):
        SearchSpec.parse(wrong, "The settings")


def test_an_unknown_setting_names_the_nearest():
    with pytest.raises(UnknownName, match="'budget'"):
        SearchSpec.parse({"bugdet": 3}, "The settings")


def test_settings_survive_a_file(tmp_path):
    spec = SearchSpec(budget=None, trials=3, backbones=("tiny/*",), hold_out_test=False)
    spec.write(tmp_path / "spec.json")

    assert SearchSpec.read(tmp_path / "spec.json") == spec


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("postgresql://ann:s3cret@host/db", "postgresql://ann@host/db"),
        ("postgresql://ann@host/db?password=s3cret", "postgresql://ann@host/db"),
        (
            "postgresql://host/db?user=ann&password=s3cret&sslmode=require",
            "postgresql://host/db?user=ann&sslmode=require",
        ),
        ("sqlite:////data/study.db", "sqlite:////data/study.db"),
    ],
)
def test_a_password_is_not_written_down(url, written):
    assert without_password(url) == written
