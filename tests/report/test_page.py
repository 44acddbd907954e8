"""A report says what happened, whatever happened, in one file that needs nothing else."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from html import unescape

import numpy as np
import pytest
from typer.main import get_command

from autosft.cli import app
from autosft.contracts.recipe import Optim, Recipe
from autosft.contracts.record import Epoch
from autosft.report.again import commands
from autosft.report.curves import learning_curves
from autosft.runs.spec import parse_seconds

from .conftest import NARROW, WIDE, Story, probabilities

HOSTILE = "<script>alert('x')</script>&\"'>"


def words(page):
    """What a reader sees, with single blanks."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.partition("</style>")[2])).split())


def test_the_head_says_what_was_asked_and_what_came_out(story, page):
    text = words(page(story))

    assert "0.9000 test accuracy, 20 rows that the search never saw 95 % interval 0.7500 to 1.0000" in text
    assert "Asked Classification of points data (some rows), for the highest accuracy, within 1 min." in text
    assert "Done 2 trials of 2 backbones and 1 strategy in 45 s; none failed." in text
    assert f"Came out Trial 0, toy on {NARROW}; validation accuracy 0.8500." in text


def test_it_asks_nothing_of_the_network_and_runs_no_script(story, page):
    html = page(story)

    assert "default-src 'none'" in html and "<script" not in html
    assert not re.search(r"""(src|href)=["'](?!#|data:)""", html) and "url(" not in html and "@import" not in html


def test_labels_texts_and_errors_are_escaped(story, page):
    story.targets = [HOSTILE if target == "a" else target for target in story.targets]
    story.trial(None, error=HOSTILE, notes=(HOSTILE,))
    story.warnings = (HOSTILE,)

    html = page(story)

    assert "<script" not in html and words(html).count(HOSTILE) > 5


def test_without_a_test_split_the_validation_score_is_called_optimistic(story, page):
    story.targets, story.result = story.targets[:40], {}

    text = words(page(story))

    assert "0.8500 validation accuracy, 20 validation rows" in text and "the score is optimistic" in text
    assert "There is no test split" in text


def test_an_interrupted_search_says_so(story, page):
    story.result["interrupted"] = True

    assert "The search was interrupted before its time" in words(page(story))


def test_a_search_under_way_can_be_reported(story, page):
    story.result = None
    story.trial(0.7, state="paused")

    text = words(page(story))

    assert "The search has not finished" in text and "So far toy on tiny/narrow is the best" in text
    assert "autosft predict" not in text and "paused" in text


def test_a_run_without_any_score_can_be_reported(tmp_path, page):
    told = Story(tmp_path / "run", targets=["a", "b"] * 30, result=None)
    told.trial(None, error="the worker was lost")

    text = words(page(told))

    assert "No trial has a score." in text and "the worker was lost" in text


def test_failures_are_counted_by_cause(story, page):
    for _ in range(12):
        story.trial(None, state="out_of_memory", error="no memory for 64 rows")
    story.trial(None, state="diverged", error="the loss is not finite")

    text = words(page(story))

    assert "out of memory 12 no memory for 64 rows 2, 3, 4, 5, 6, 7, 8, 9 and 4 more" in text
    assert "diverged 1 the loss is not finite 14" in text and "13 trials failed" in text


def test_samples_are_shown_with_label_and_answer(story, page):
    text = words(page(story))

    assert "17 of 20 rows are answered right (85.0 %)." in text
    assert "[20.0, 0.0] Label a Answer b 90.0 % sure; 10.0 % for the label" in text


def test_a_missing_plugin_costs_the_samples_alone(story, page):
    text = words(page(story, modality=None))

    assert "row-20 Label a Answer b" in text and "the plugin that reads them is not installed" in text


def test_a_missing_problem_costs_the_figures_on_rows_alone(story, page):
    text = words(page(story, problems=[]))

    assert "There are no figures on single rows: no installed plugin offers the problem classification" in text
    assert "0.9000 test accuracy" in text


def test_what_was_not_stored_is_left_out_and_said(story, page):
    story.answers = {}

    text = words(page(story))

    assert "what trial 0 answered on the validation rows was not stored" in text
    assert "by standard errors alone, as no answers were stored" in text and "Confusion" not in text


def test_what_is_right_and_wrong_is_told_of_the_test_rows_where_they_were_scored(story, page):
    story.test_outputs = probabilities([0, 1] * 8, 2, wrong=(2,))

    text = words(page(story))

    assert "by the model's answers to the 16 test rows that were scored" in text
    assert "15 of 16 rows are answered right (93.8 %)." in text
    assert "[42.0, 0.0] Label a Answer b 90.0 % sure" in text and "[20.0, 0.0]" not in text


def test_without_answers_to_test_rows_those_to_validation_rows_are_shown_and_it_says_so(story, page):
    text = words(page(story))

    assert "to the 20 validation rows, as none to test rows are stored. It was not trained on them, but chosen" in text
    assert "17 of 20 rows are answered right (85.0 %)." in text


def test_a_model_that_was_trained_again_has_seen_validation_rows_unless_the_data_names_them(story, page):
    story.result = {"refitted": (0,)}
    assert "The model that predicts was trained on them afterwards." in words(page(story))

    story.valid_is_predefined = True
    assert "trained on them afterwards" not in words(page(story))


def test_of_a_trial_that_was_cross_validated_it_says_which_rows_are_meant(story, page):
    story.records = [one.model_copy(update={"split_score": 0.8, "rows": 40}) for one in story.records]
    story.result = {}

    text = words(page(story))

    assert "0.8500 cross-validated accuracy, 40 rows" in text
    assert "to the 20 rows of its cross-validation, as none to test rows are stored" in text
    assert "on the same resamples of 20 rows that they were not trained on" in text and "20 validation rows" not in text


def test_damaged_answers_to_test_rows_are_named(story, page):
    story.test_outputs = probabilities([0, 1] * 10, 2)
    story.write()
    path = story.folder / "test-outputs" / "outputs.safetensors"
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    story.test_outputs = None
    path.write_bytes(damaged)

    text = words(page(story))
    assert f"There are no figures on single rows: {path}: damaged" in text


def test_damaged_answers_are_named(story, page):
    story.write()
    path = story.folder / "trials" / "0000" / "outputs.safetensors"
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    story.answers = {}
    path.write_bytes(damaged)

    assert words(page(story)).count("outputs.safetensors: damaged") == 2


def test_an_ensemble_is_diagnosed_by_the_mean_of_its_answers(story, page):
    truth = [0, 1] * 10
    story.answers[1] = probabilities(truth, 2, sure=0.95)  # right where the first trial is wrong, and surer
    story.result |= {"best": tuple(story.records), "weights": (0.5, 0.5), "valid": 1.0, "refitted": (0,)}

    text = words(page(story))

    assert "An ensemble of 2 models, first trial 0, toy on tiny/narrow, trained again" in text
    assert (
        "the answers of the ensemble to the 20 validation rows" in text and "20 of 20 rows are answered right" in text
    )
    assert "weight 0.50" in text and "Worst mistakes There are none." in text


def test_numbers_are_drawn_against_the_truth(tmp_path, page):
    told = Story(tmp_path / "run", targets=[float(n % 20) for n in range(60)], problem="regression", metric="r2")
    told.trial(0.95)
    told.answers = {0: np.array([[n + (5.0 if n == 7 else 0.0)] for n in range(20)])}

    html = page(told)

    assert "Predicted against true" in html and html.count('class="cloud"') == 20
    assert "[27.0, 0.0] True 7 Predicted 12 off by +5" in words(html)


def test_several_labels_have_a_line_each(tmp_path, page):
    targets = [("a",), ("a", "b"), (), ("b",)] * 15
    told = Story(tmp_path / "run", targets=targets, problem="multilabel", metric="f1_micro")
    told.trial(0.9)
    told.answers = {0: np.array([[0.9, 0.1], [0.9, 0.8], [0.2, 0.1], [0.1, 0.3]] * 5)}

    text = words(page(told))

    assert "15 of 20 rows are given exactly their labels (75.0 %)." in text
    assert "a 10 1.000 1.000 1.000 1.000 50.0 %" in text and "b 10 1.000 0.500 0.667 1.000 50.0 %" in text
    assert "has b, to which the model gives 30.0 %" in text


def test_many_classes_have_no_matrix_but_their_mistakes(tmp_path, page):
    names = [f"class {number:02d}" for number in range(40)]
    told = Story(tmp_path / "run", targets=names * 3, train=40, valid=40)
    told.trial(0.5)
    told.answers = {0: probabilities(range(40), 40, wrong=range(20))}

    html = page(told)

    assert 'class="matrix' not in html and "The most frequent mistakes" in html


@pytest.mark.slow
def test_five_thousand_trials_fit_a_page(story, page):
    draw = np.random.default_rng(0)
    for rate in 10 ** draw.uniform(-4, -1, 5000):
        epochs = [Epoch(stage="toy", number=n, loss=1.0, score=0.5, seconds=0.1) for n in (1, 2, 3)]
        recipe = Recipe(backbone=WIDE, strategy="toy", optim=Optim(lr=rate), seed=len(story.records))
        story.trial(0.6 + 0.02 * float(np.log10(rate)), recipe=recipe, epochs=epochs)

    html = page(story)

    assert len(html.encode()) < 1e6
    assert "4 977 more trials have a score" in words(html) and html.count("<circle") < 1200
    assert "optim.lr" in html.partition("Permutation importance")[2]


@pytest.mark.parametrize("name", ["run.json", "data.arrow"])
def test_a_damaged_run_is_one_clear_line(story, name):
    from autosft.errors import BadInput
    from autosft.report.saved_run import read_saved_run

    story.write()
    (story.folder / name).write_text("{")

    with pytest.raises(BadInput, match=name):
        read_saved_run(story.folder)


def test_a_task_that_only_a_program_knew_has_no_command_that_searches_it_again(story):
    saved_run = story.write()

    assert [what for what, _ in commands(saved_run)][1:] == ["Search again, with the same data, settings and seed"]
    assert [what for what, _ in commands(replace(saved_run, source=""))] == ["Answer for new data"]


def test_the_command_that_searches_again_has_every_setting_as_the_command_line_takes_it(story):
    saved_run = story.write()
    other = {"budget": 1234567.5, "trials": 3, "seed": 7, "device": "cpu", "precision": "bfloat16", "workers": 2}
    other |= {"processes_per_trial": 4, "executor": "elsewhere", "disk": 1.5, "backbones": ["a/*", "b/c"]}
    other |= {"strategies": ["probe"], "weights": ["w1", "w2"], "hold_out_test": False, "single": True, "compile": True}
    other |= {"storage": "postgresql://here/it", "threads": 5, "transductive": True}
    assert set(saved_run.spec) == set(other) | {"settings"}
    _, (_, command) = commands(replace(saved_run, source="data", spec={**saved_run.spec, **other}))

    _, _, *words = shlex.split(command)
    given = get_command(app).commands["search"].make_context("search", words).params

    assert (parse_seconds(given["budget"]), given["disk"]) == (1234567.5, 1.5)
    listed = {"backbones": "a/*,b/c", "strategies": "probe"}
    assert {name: given[name] for name in other if name != "budget"} == {
        **{name: value for name, value in other.items() if name != "budget"},
        **listed,
    }


def test_the_strong_curve_is_of_the_best_trial_even_if_the_model_is_another(story):
    epochs = tuple(Epoch(stage="toy", number=number, loss=1 / number, score=0.5, seconds=1.0) for number in (1, 2))
    story.records.clear()
    story.trial(0.7, epochs=epochs)
    story.trial(0.9, epochs=epochs)
    story.result = {"best": (story.records[0],), "valid": 0.7}

    (_, scores), _ = learning_curves(story.write())

    assert re.findall(r'<circle [^>]*class="best"><title>(trial \d)', scores) == ["trial 1"]
