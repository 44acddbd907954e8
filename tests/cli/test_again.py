"""The report's command for the same search is that."""

from __future__ import annotations

import csv
import json
import shlex
import shutil

from autosft.report.again import commands
from autosft.report.saved_run import read_saved_run


def test_the_reports_command_searches_the_same_again(autosft, tmp_path):
    with (tmp_path / "mail.csv").open("w", newline="") as stream:
        words = {"spam": "win money now", "ham": "see you at lunch"}
        lines = [(f"{words[kind]} {n}", f"no. {n}", kind, n // 2) for n in range(40) for kind in words]
        csv.writer(stream).writerows([("text", "subject", "kind", "thread"), *lines])
    asked = "--target kind --text subject --text text --group thread --metric f1_macro --trials 1 --single"
    narrow = "--modality text --backbones tfidf/* --strategies probe --threads 1 --budget none"
    assert autosft("search", "mail.csv", *asked.split(), *narrow.split(), "--run", "first").returncode == 0

    command = dict(commands(read_saved_run(tmp_path / "first")))["Search again, with the same data, settings and seed"]
    assert autosft(*shlex.split(command)[1:]).returncode == 0

    first, again = (json.loads((tmp_path / run / "run.json").read_text()) for run in ("first", "runs/again"))
    for run in (first, again):
        assert run["plan"]["facts"].pop("memory") > 0  # what was free at the moment
    assert again == {**first, "study": again["study"]}


def test_a_table_with_two_classifications_goes_all_the_way_by_the_names_of_its_columns(autosft, tmp_path):
    with (tmp_path / "mail.csv").open("w", newline="") as stream:
        words = {("spam", "rude"): "win damn money", ("spam", "kind"): "please win money"}
        words |= {("ham", "rude"): "damn late lunch", ("ham", "kind"): "please come to lunch"}
        lines = [(f"{text} {n}", *labels) for n in range(20) for labels, text in words.items()]
        csv.writer(stream).writerows([("text", "topic", "tone"), *lines])
    asked = "--problem classification,classification --target topic --target tone --metric accuracy,f1_macro --trials 2"
    narrow = "--modality text --backbones tfidf/* --strategies probe --threads 1 --budget none"
    done = autosft("search", "mail.csv", *asked.split(), *narrow.split(), "--run", "run")
    assert done.returncode == 0, done.stderr

    answers = autosft("predict", "run", "mail.csv").stdout.splitlines()
    rows = list(csv.DictReader(answers))
    said = [(row["prediction(topic)"], row["prediction(tone)"]) for row in rows]
    wrong = [one for one, line in zip(said, lines, strict=True) if one != line[1:]]
    assert len(rows) == 80 and len(wrong) < 8 and {"topic p(ham)", "tone p(kind)"} < rows[0].keys()
    shutil.copytree(tmp_path / "run", tmp_path / "copy")
    leaderboard = autosft("leaderboard", "run", "copy", "--format", "json")
    assert leaderboard.returncode == 0 and "mean of accuracy and f1_macro" in leaderboard.stdout, leaderboard.stderr
    assert autosft("leaderboard", "run").returncode == 0
    assert autosft("report", "run", "--out", "page.html").returncode == 0
    page = (tmp_path / "page.html").read_text()
    assert "Classification of text data (topic, tone), for the highest mean of accuracy and f1_macro" in page
    assert "--metric accuracy,f1_macro" in page
