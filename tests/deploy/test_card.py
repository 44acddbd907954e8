"""The model card: what stands in it follows from the bundle and the result, and the manifest vouches for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autosft.contracts.record import Record, Result, Shift
from autosft.contracts.rows import Data, Rows, objects
from autosft.deploy.bundle import add_card, open_bundle, save_bundle
from autosft.deploy.card import model_card
from autosft.errors import BadBundle
from autosft.testing.trials import with_values


def result_of(made, **changes):
    record = Record(number=0, state="done", recipe=made.trial.parts.recipe, score=0.75, parameters=1234, trained=56)
    plain = {
        "task": made.task.name,
        "seed": 7,
        "metric": "accuracy",
        "valid": 0.75,
        "best": (record,),
        "trials": {"done": 3, "failed": 1},
        "seconds": {"total": 12.4},
        "versions": {"python": "3.11.1", "autosft": "0.1.0"},
    }
    return Result.model_validate({**plain, **changes})


def data_of(made, *, named=False):
    trial = made.trial
    return Data(trial.train, trial.valid, trial.valid, Rows.of(()), valid_is_predefined=named, fingerprint="f00d")


def card_of(made, registry, folder=None, *, named=False, **changes):
    path, bundle = open_bundle(folder or made.folder)
    return model_card(path, bundle, registry, result_of(made, **changes), data_of(made, named=named))


def test_it_says_what_the_model_is_and_what_it_was_made_from(made, registry):
    card = card_of(made, registry)

    assert card.startswith("# clouds\n\nA model for classification of points data, found by AutoSFT in 4 trials")
    for said in (
        f"| training | {len(made.trial.train)} |",
        "| `a` |",
        "sha256 of rows and splits: `f00d`",
        "| 1.00 | `tiny/wide` | not stated | `toy` | 1234 | 56 |",
        '"backbone": "tiny/wide"',
        "pip install autosft-toy",
        "autosft predict . INPUT",
        "python 3.11.1, autosft 0.1.0",
    ):
        assert said in card


def test_a_test_score_comes_with_its_interval_and_its_absence_is_a_limit(made, registry):
    test_outputs = card_of(made, registry, test=0.7, interval=(0.6, 0.8), test_rows=30, test_reads=1)

    assert "| 30 test | 0.7000 | 0.6000 to 0.8000 |" in test_outputs and "No test rows were scored" not in test_outputs
    assert "No test rows were scored" in card_of(made, registry)


def test_it_says_on_which_rows_the_model_was_chosen(made, registry):
    record = result_of(made).best[0].model_copy(update={"split_score": 0.7, "rows": 64})

    assert f"| {len(made.trial.valid)} validation | 0.7500 | |" in card_of(made, registry)
    assert "| 64 cross-validated | 0.7500 | |" in card_of(made, registry, best=(record,))


@pytest.mark.parametrize(
    ("named", "rows"), [(False, "training and validation rows together"), (True, "more training rows")]
)
def test_it_says_on_which_rows_the_model_was_trained_again(made, registry, named, rows):
    assert f"trained once more on {rows}." in card_of(made, registry, named=named, refitted=(0,))
    assert "once more" not in card_of(made, registry, named=named)


def test_rows_unlike_the_training_rows_are_a_limit(made, registry):
    card = card_of(made, registry, shift={"test": Shift(auroc=0.9, interval=(0.8, 0.95), rows=50)})

    assert "tells test rows from training rows: area under the ROC curve 0.90 (0.80 to 0.95)" in card


def test_no_path_of_the_machine_that_trained_gets_into_it(made, registry):
    assert str(made.folder.parent) not in card_of(made, registry)


def test_class_names_cannot_break_the_table(made, registry, tmp_path):
    state = with_values(made.trial.parts.states.problems[0], classes=["a|b", "`c`", "d\n# e"])
    save_bundle(tmp_path / "odd", made.task, [(made.member, 0.5), (made.member, 0.5)], {}, {}, [state])
    best = result_of(made).best * 2

    card = card_of(made, registry, tmp_path / "odd", best=best, weights=(0.5, 0.5))

    assert "| `a\\|b` |" in card and "| `` `c` `` |" in card and "\n# e" not in card


def test_the_manifest_vouches_for_the_card_and_has_the_test_score(made, registry, bundle):
    add_card(bundle, card_of(made, registry), {"test": 0.7})

    _, read = open_bundle(bundle)
    assert "README.md" in read.files and read.scores == {"valid": made.evaluation.score, "test": 0.7}
    with (bundle / "README.md").open("a") as stream:
        stream.write("It is the best of all models.")
    with pytest.raises(BadBundle, match=r"README\.md: damaged"):
        open_bundle(bundle)


def test_it_says_how_many_rows_have_a_target_where_some_are_missing(made, registry):
    path, bundle = open_bundle(made.folder)
    whole = data_of(made)
    assert "Rows with a target" not in model_card(path, bundle, registry, result_of(made), whole)
    lacking = whole.train.with_columns(targets=objects([(None,), *whole.train.targets[1:]]))
    card = model_card(path, bundle, registry, result_of(made), replace(whole, train=lacking))
    assert f"Rows with a target, of all that have any: `label` {len(whole.labelled) - 1}." in card
