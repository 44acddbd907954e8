"""What a user sees: one clear line for an error, nothing heavy before it is needed, and a whole search by hand."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys

import pytest

from autosft.cli import main
from autosft.testing import toy

HEAVY = {"torch", "torchvision", "timm", "transformers", "tokenizers", "optuna", "sklearn", "scipy", "pandas", "plotly"}


def tree(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def the_line(done):
    """The one line on standard error, after a check that it is all there is."""
    assert done.returncode == 2, done
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: ") and "Traceback" not in done.stdout
    return line


@pytest.mark.parametrize("command", [["--help"], ["plugins"], ["metrics"]], ids=" ".join)
def test_help_and_lists_import_nothing_heavy(listed, command):
    done, libraries = listed(*command)

    assert done.returncode == 0 and done.stdout
    assert not libraries & HEAVY


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("search missing/", "missing: no such file or folder"),
        ("search empty", "empty: the folder is empty"),
        ("search clouds.points.json --budget soon", "'soon' is not a length of time. Write 90s, 5m"),
        ("search clouds.points.json --budget none", "needs an end"),
        ("search clouds.points.json --metric acuracy", "metric 'acuracy'. Did you mean 'accuracy'?"),
        ("search clouds.points.json --metric roc_auc", "Did you mean 'roc_auc_ovr'?"),
        ("search clouds.points.json --strategies prob", "strategy 'prob'. Did you mean 'probe'?"),
        ("search clouds.points.json --backbones tiny/wied", "backbone 'tiny/wied'. Did you mean 'tiny/wide'?"),
        ("search clouds.points.json --weights nowhere", "nowhere: no such file or folder"),
        ("leaderboard empty", "empty: no run here"),
        ("report empty", "empty: no run here"),
    ],
)
def test_a_users_error_is_one_line_costs_nothing_and_writes_nothing(listed, points, tmp_path, command, said):
    (tmp_path / "empty").mkdir()
    before = tree(tmp_path)

    done, libraries = listed(*command.split())

    assert said in the_line(done)
    assert not libraries & HEAVY
    assert tree(tmp_path) == before and sorted(path.name for path in tmp_path.iterdir()) == [points.name, "empty"]


def test_metrics_are_listed_by_problem_with_a_line_on_each(autosft):
    done = autosft("metrics", "multilabel")
    assert done.returncode == 0 and "classification" not in done.stdout
    lines = [line for line in done.stdout.splitlines() if "f1_samples" in line or "neg_hamming_loss" in line]
    assert len(lines) == 2 and "mean over rows of the F1 score" in lines[0]
    assert "Did you mean 'regression'?" in the_line(autosft("metrics", "regresion"))


def test_a_single_class_is_one_line_and_writes_nothing(autosft, tmp_path):
    toy.make_points(tmp_path / "one.points.json", rows=30, classes=1)
    before = tree(tmp_path)

    assert "Only one class ('a')" in the_line(autosft("search", "one.points.json", "--trials", 1))
    assert tree(tmp_path) == before


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half of it", b"no archive at all"])
def test_a_damaged_archive_is_one_line_and_writes_nothing(autosft, tmp_path, content):
    (tmp_path / "photos.zip").write_bytes(content)

    assert "photos.zip" in the_line(autosft("search", "photos.zip"))
    assert not (tmp_path / "runs").exists()


def test_a_task_file_with_a_wrong_key_is_one_line(autosft, tmp_path):
    (tmp_path / "task.toml").write_text('name = "x"\nmodality = "points"\ntarget = "label"\n[data]\n')

    assert "Did you mean 'targets'?" in the_line(autosft("search", "task.toml"))


def test_a_folder_that_holds_no_bundle_and_a_damaged_one_are_one_line(autosft, points, tmp_path):
    assert "no bundle here" in the_line(autosft("predict", tmp_path, points))

    (tmp_path / "bundle.json").write_text('{"schema_version": 1,')
    before = tree(tmp_path)
    line = the_line(autosft("predict", tmp_path, points, "--out", "answers.csv"))

    assert "damaged" in line and "bundle.json" in line
    assert tree(tmp_path) == before


def test_a_wrong_option_is_refused_with_the_usage(autosft, points):
    done = autosft("search", points, "--trials", 0)

    assert done.returncode == 2 and "--trials" in done.stderr and "Traceback" not in done.stderr


def test_a_search_then_its_report_and_leaderboard_then_predictions(autosft, listed, points, tmp_path):
    search = ("search", points.name, "--trials", 2, "--budget", "none", "--threads", 1, "--strategies", "toy")

    searched = autosft(*search)

    assert searched.returncode == 0 and searched.stderr == "", searched
    assert "\x1b" not in searched.stdout and "\r" not in searched.stdout  # it is piped: plain lines
    for said in (
        "Recognized points data",
        "Backbones to try: tiny/wide, tiny/narrow",
        "trial   0  toy on tiny/wide",
        "Test accuracy: ",
        "Next:",
        "  autosft predict runs/clouds FILES",
    ):
        assert said in searched.stdout
    result = json.loads((tmp_path / "runs" / "clouds" / "result.json").read_text())
    assert f"Test accuracy: {result['test']:.4f} (95 % interval " in searched.stdout

    reported, libraries = listed("report", "runs/clouds")
    assert reported.stdout == "report written to runs/clouds/report.html\n" and not libraries & {"torch", "optuna"}
    page = (tmp_path / "runs" / "clouds" / "report.html").read_text()
    assert f"{result['test']:.4f}" in page and "rows are answered right" in page and "<circle" in page

    leaderboard = autosft("leaderboard", "runs/clouds")
    assert leaderboard.returncode == 0 and "\x1b" not in leaderboard.stdout
    assert re.search(rf"^ +1 +\d +{result['valid']:.4f} .*tiny/(wide|narrow) +toy ", leaderboard.stdout, re.MULTILINE)

    some = {"rows": [{"x": x} for x in ([2.0, 0.0, 0.0, 0.0], "broken", [-1.0, 1.7, 0.0, 0.0])], "unlabeled": []}
    (tmp_path / "new.points.json").write_text(json.dumps(some))
    answered = autosft("predict", "runs/clouds", "new.points.json", "--out", "answers.csv")
    assert answered.returncode == 0 and "2 answers written to answers.csv" in answered.stderr
    with (tmp_path / "answers.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["input"], row["prediction"]) for row in rows] == [("row-0", "a"), ("row-2", "b"), ("row-1", "")]
    assert rows[2]["error"] == "not a list of numbers" and "1 inputs could not be read" in answered.stderr
    assert sum(float(rows[0][f"p({name})"]) for name in "abc") == pytest.approx(1.0, abs=1e-4)


def test_an_interrupt_says_how_to_go_on(environment, tmp_path):
    os.mkfifo(tmp_path / "task.toml")  # reading it blocks until somebody writes
    command = [sys.executable, "-m", "autosft", "search", "task.toml"]
    heeding = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}  # a job in the background ignores it
    with (
        subprocess.Popen(command, env=environment, cwd=tmp_path, text=True, stderr=subprocess.PIPE, **heeding) as child,
        (tmp_path / "task.toml").open("w"),
    ):
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=20)

    assert child.returncode == 130
    assert said == "Interrupted. The same command goes on from here.\n"


@pytest.mark.slow
def test_an_interrupted_search_goes_on(autosft, environment, points, tmp_path):
    search = ["search", points.name, "--budget", "none", "--threads", "1", "--strategies", "toy", "--trials", "20"]
    command = [sys.executable, "-u", "-m", "autosft", *search]
    said = []
    with subprocess.Popen(command, env=environment, cwd=tmp_path, text=True, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        for line in first.stdout:
            if line.startswith("trial   0") and not said:
                first.send_signal(signal.SIGINT)
            if line.startswith("trial "):
                said.append(line)
    assert first.returncode == 0 and 1 <= len(said) < 20

    second = autosft(*search)

    assert second.returncode == 0 and "Going on with" in second.stdout
    said += [line for line in second.stdout.splitlines() if line.startswith("trial ")]
    assert {int(line.split()[1]) for line in said} == set(range(20))
    ended = [line.split()[1] for line in said if ", paused  [" not in line]
    assert len(ended) == len(set(ended))


@pytest.mark.parametrize("given, then", [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_sleep_while_they_wait_unless_the_user_says_otherwise(monkeypatch, given, then):
    monkeypatch.setenv("OMP_WAIT_POLICY", given or "")
    if given is None:
        del os.environ["OMP_WAIT_POLICY"]
    monkeypatch.setattr(sys, "argv", ["autosft", "metrics"])

    with pytest.raises(SystemExit):
        main()

    assert os.environ["OMP_WAIT_POLICY"] == then
