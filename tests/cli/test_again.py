"""The report's command for the same search is that."""

from __future__ import annotations

import csv
import json
import shlex

from autosft.report.account import account_of
from autosft.report.again import commands


def test_the_reports_command_searches_the_same_again(autosft, tmp_path):
    with (tmp_path / "mail.csv").open("w", newline="") as stream:
        words = {"spam": "win money now", "ham": "see you at lunch"}
        lines = [(f"{words[kind]} {n}", f"no. {n}", kind, n // 2) for n in range(40) for kind in words]
        csv.writer(stream).writerows([("text", "subject", "kind", "thread"), *lines])
    asked = "--target kind --text subject --text text --group thread --metric f1_macro --trials 1 --single"
    narrow = "--modality text --backbones tfidf/* --strategies probe --threads 1 --budget none"
    assert autosft("search", "mail.csv", *asked.split(), *narrow.split(), "--run", "first").returncode == 0

    command = dict(commands(account_of(tmp_path / "first")))["Search again, with the same data, settings and seed"]
    assert autosft(*shlex.split(command)[1:]).returncode == 0

    first, again = (json.loads((tmp_path / run / "run.json").read_text()) for run in ("first", "runs/again"))
    for run in (first, again):
        assert run["plan"]["facts"].pop("memory") > 0  # what was free at the moment
    assert again == {**first, "study": again["study"]}
