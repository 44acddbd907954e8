"""Rows without labels, through whole searches: they help where labels are few, and a search that is killed goes on."""

import pytest

from autosft.contracts.record import Record
from autosft.deploy.predictor import Predictor
from autosft.runs.run import Run
from autosft.search.driver import run_search


@pytest.mark.slow
def test_a_search_learns_from_rows_without_labels_and_never_from_copies(few, tmp_path, killed):
    data, more = few
    settings = {"strategies": ["probe", "cotraining"], "trials": 5, "unlabeled": str(more)}
    killed(data, tmp_path / "run", at="cotraining", after=0.1, **settings)

    result = run_search(data, run=tmp_path / "run", budget=None, threads=2, workers=2, device="cpu", **settings)

    run = Run.read(tmp_path / "run")
    assert len(run.data.unlabeled) == 200 and not any(run.data.unlabeled.targets)
    assert "copies and left out: 32 of training rows, 8 of validation rows, 5 of test rows" in "; ".join(
        run.document.facts
    )
    records = [Record.read(path) for path in sorted((tmp_path / "run").glob("trials/*/record.json"))]
    learned = [record for record in records if record.recipe.strategy == "cotraining"]
    assert learned and [record.error for record in records if record.error] == []
    assert all(record.unlabeled == 200 >= sum(record.pseudo_labels.values()) > 150 for record in learned)
    assert not any(record.unlabeled for record in records if record not in learned)
    assert all(record.split_score is not None for record in learned), "heads know no rows of other folds"
    assert all(one.recipe.backbone != record.recipe.backbone for record in learned for one in record.recipe.teacher)
    assert len(Predictor.load(tmp_path / "run").predict(list(run.data.test.ref))) == result.test_rows


@pytest.mark.slow
def test_a_search_trains_encoders_on_rows_without_labels_and_goes_on_where_it_was_killed(few, tmp_path, killed):
    data, more = few
    settings = {"strategies": ["probe", "softmatch"], "trials": 3, "unlabeled": str(more)}
    killed(data, tmp_path / "run", at="softmatch", after=0.5, **settings)

    result = run_search(data, run=tmp_path / "run", budget=None, threads=2, workers=2, device="cpu", **settings)

    records = [Record.read(path) for path in sorted((tmp_path / "run").glob("trials/*/record.json"))]
    learned = [record for record in records if record.recipe.strategy == "softmatch"]
    assert learned and [record.error for record in records if record.error] == []
    assert all(record.score is not None and record.score > 0.6 for record in learned)
    assert len(Predictor.load(tmp_path / "run").predict(list(Run.read(tmp_path / "run").data.test.ref))) == 240
    assert result.test_rows == 240


@pytest.mark.slow
def test_what_no_strategy_would_learn_from_is_refused_before_anything_is_written(few, tmp_path):
    from autosft.errors import BadInput

    data, more = few
    with pytest.raises(BadInput, match=r"more\.points\.json: would not be used, as none of the allowed strategies"):
        run_search(data, run=tmp_path / "run", budget=None, trials=1, unlabeled=more, strategies=["probe"])
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_test_rows_are_learned_from_without_their_targets_where_that_is_asked_for(few, tmp_path):
    data, _ = few
    settings = {"strategies": ["probe", "cotraining"], "trials": 4, "transductive": True}
    run_search(data, run=tmp_path / "run", budget=None, threads=2, device="cpu", **settings)
    run = Run.read(tmp_path / "run")
    assert len(run.data.unlabeled) == len(run.data.test) and not any(run.data.unlabeled.targets)
    assert "learned from without their targets: 240 test rows (--transductive)" in run.document.facts
