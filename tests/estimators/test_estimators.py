"""A search as an estimator: what scikit-learn expects of one, what a fit may be given, and what answers."""

from __future__ import annotations

import copy
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_checks

from autosft import AutoSFTClassifier, AutoSFTRegressor, leaderboard, run_search
from autosft.contracts.record import Record
from autosft.errors import BadInput
from autosft.estimators.estimator import _digest_of
from autosft.estimators.samples import as_table, samples_of
from autosft.runs.run import Run
from tests.estimators.conftest import SETTINGS

CHECKS = (
    "check_estimator_cloneable",
    "check_estimator_tags_renamed",
    "check_valid_tag_types",
    "check_estimator_repr",
    "check_no_attributes_set_in_init",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_mixin_order",
    "check_parameters_default_constructible",
    "check_get_params_invariance",
    "check_set_params",
)
"""Those that fit nothing. The others draw matrices of numbers (docs/reference/python.md)."""


@pytest.mark.parametrize("estimator", [AutoSFTClassifier(), AutoSFTRegressor()], ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("check", CHECKS)
def test_it_passes_the_checks_of_scikit_learn(estimator, check):
    getattr(estimator_checks, check)(type(estimator).__name__, estimator)


@pytest.mark.parametrize("estimator", [AutoSFTClassifier(), AutoSFTRegressor()], ids=lambda one: type(one).__name__)
def test_scikit_learn_finds_nothing_else_that_it_can_check(estimator):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Can't test estimator")
        outcomes = estimator_checks.check_estimator(estimator, on_skip=None)

    assert outcomes and {outcome["status"] for outcome in outcomes} == {"passed"}


def test_a_fit_answers_in_the_words_of_its_targets(fitted, reviews):
    texts, liked = reviews

    answers = fitted.predict(texts)

    assert answers.dtype == bool and fitted.classes_.tolist() == [False, True]
    assert fitted.score(texts, liked) == np.mean(answers == liked) > 0.9
    np.testing.assert_array_equal(fitted.predict_proba(texts).argmax(1) == 1, answers)
    assert fitted.result_.metric == "accuracy" and fitted.result_.test is None


def test_samples_may_come_in_any_sequence_or_column(fitted, reviews):
    texts, _ = reviews
    frame = pd.DataFrame({"review": texts}, index=range(100, 160))
    expected = fitted.predict(texts).tolist()

    for given in (tuple(texts), np.array(texts), frame["review"], frame, frame.to_numpy()):
        assert fitted.predict(given).tolist() == expected


def test_a_text_that_is_also_a_path_is_a_text(fitted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "great").mkdir()

    assert fitted.predict(["great", "grim"]).tolist() == [True, False]


def test_a_copy_for_another_process_has_no_model_in_it_and_answers_the_same(fitted, reviews):
    texts, _ = reviews
    fitted.predict(texts[:1])

    assert len(pickle.dumps(fitted)) < 20_000
    other = copy.deepcopy(fitted)  # by the same state, and nothing is unpickled
    np.testing.assert_array_equal(other.predict_proba(texts), fitted.predict_proba(texts))


def test_a_class_of_which_no_sample_could_be_used_has_no_probability(fitted, reviews):
    other = copy.deepcopy(fitted)
    other._labels = {"before all": 0, **fitted._labels}

    known = fitted.predict_proba(reviews[0])

    np.testing.assert_array_equal(other.predict_proba(reviews[0]), np.column_stack([0 * known[:, 0], known]))


def test_the_same_fit_again_goes_on_with_its_run(fitted, reviews):
    again = clone(fitted).fit(*reviews)

    assert again.result_ == fitted.result_ and again.run_ == fitted.run_


def test_a_run_is_named_for_its_data_and_its_settings_but_the_limits():
    settings = {"seed": 0, "budget": 60, "trials": 5}

    assert _digest_of("frame-1", settings) == _digest_of("frame-1", {**settings, "budget": 90, "trials": None})
    assert _digest_of("frame-1", settings) != _digest_of("frame-1", {**settings, "seed": 1})
    assert _digest_of("frame-1", settings) != _digest_of("frame-2", settings)


def test_a_search_over_the_same_frame_goes_on_with_its_run(fitted, reviews):
    texts, liked = reviews
    frame = pd.DataFrame({"input": texts, "target_class": [str(one) for one in liked]})
    search = {"target": "target_class", "inputs": "input", "problem": "classification", "hold_out_test": False}

    assert run_search(frame, **search, **SETTINGS, strategies=["probe"], run=fitted.run_) == fitted.result_


def test_a_predictor_takes_frames_columns_and_iterators(fitted, reviews):
    texts, _ = reviews
    predictor = fitted.predictor_
    expected = predictor.predict(texts)
    frame = pd.DataFrame({"number": range(len(texts)), "input": texts})

    assert predictor.predict(frame) == predictor.predict(frame["input"]) == predictor.predict(iter(texts)) == expected
    np.testing.assert_array_equal(predictor.predict_proba(text for text in texts), predictor.predict_proba(frame))
    with pytest.raises(BadInput, match="column 'input'"):
        predictor.predict(frame.rename(columns={"input": "other"}))
    with pytest.raises(BadInput, match="nothing to answer"):
        predictor.predict(iter(()))


def test_a_stream_answers_before_all_inputs_have_come(fitted):
    def texts():
        yield from ("great", "grim")
        raise RuntimeError("more was asked for")

    answers = fitted.predictor_.stream(texts(), batch=2)

    assert [next(answers), next(answers)] == ["True", "False"]


def test_a_notebook_shows_cards_with_names_escaped(fitted):
    result = fitted.result_.model_copy(update={"task": "<b>&"})

    assert "AutoSFT result: &lt;b&gt;&amp;" in result._repr_html_() and "validation accuracy" in result._repr_html_()
    assert "2 classes" in fitted.predictor_._repr_html_() and "False, True" in repr(fitted.predictor_)


def test_leaderboards_are_frames_of_numbers(fitted):
    trials = leaderboard(fitted.run_)

    assert trials["score"].tolist() == [fitted.result_.valid] and trials["rank"].dtype == int


def test_nothing_answers_before_a_fit():
    with pytest.raises(NotFittedError):
        AutoSFTClassifier().predict(["some text"])


@pytest.mark.parametrize(
    ("texts", "labels", "error", "said"),
    [
        ([[1.0, 2.0]], ["a"], BadInput, r"X\[0\] is list; a sample is a text, a path"),
        (["one", "two"], ["a"], ValueError, "inconsistent numbers of samples"),
        (["one", "two"], ["a", "a"], BadInput, "y has one class"),
        (["one", "two"], [0.5, 0.7], ValueError, "Unknown label type"),
        ("one", ["a"], BadInput, "X is of type str"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(texts, labels, error, said):
    with pytest.raises(error, match=said):
        AutoSFTClassifier().fit(texts, labels)


def test_images_in_memory_become_files_named_for_their_content(home):
    images = np.zeros((2, 5, 4, 3), np.uint8)

    paths = as_table(samples_of(images)).column("input").to_pylist()

    assert paths[0] == paths[1] and paths[0].endswith(".png") and paths[0].startswith(str(home))


def test_an_array_is_an_image_if_its_channels_are_those_of_one():
    def mode_of(*shape):
        return samples_of([np.zeros(shape, np.uint8)])[0].mode

    channels = [(), (1,), (2,), (3,), (4,)]
    assert [mode_of(5, 4, *more) for more in channels] == ["L", "L", "LA", "RGB", "RGBA"]
    for shape in ((5,), (5, 4, 7), (5, 4, 3, 3), (0, 4)):
        with pytest.raises(BadInput, match=r"X\[0\] is a uint8 array of shape"):
            mode_of(*shape)


@pytest.mark.parametrize(
    ("mode", "ending", "kept"),
    [("RGBA", "png", "RGBA"), ("CMYK", "tiff", "CMYK"), ("F", "tiff", "F"), ("I", "tiff", "I"), ("HSV", "png", "RGB")],
)
def test_images_of_any_mode_become_files_with_the_same_pixels(home, mode, ending, kept):
    from PIL import Image

    pixels = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    image = Image.fromarray(pixels).convert("L" if mode in "FI" else "RGB").convert(mode)

    (path,) = as_table(samples_of([image])).column("input").to_pylist()

    assert path.endswith(f".{ending}")
    with Image.open(path) as again:
        assert again.mode == kept
        np.testing.assert_array_equal(np.asarray(again), np.asarray(image.convert(kept)))


@pytest.mark.slow
def test_numbers_are_learned_alone_and_together(home, reviews):
    texts, liked = reviews
    numbers = np.stack([3.0 * liked, 1.0 - liked], axis=1)
    for name, y in (("one", numbers[:, 0]), ("two", numbers)):
        regressor = AutoSFTRegressor(**SETTINGS, strategies=("probe",), run=home / name).fit(texts, y)

        assert regressor.predict(texts).shape == y.shape and regressor.score(texts, y) > 0.5


def test_parameters_can_be_set_and_files_loaded_as_plugins(home, reviews, tmp_path):
    (tmp_path / "watching.py").write_text("autosft_api = 2\n")
    asked = {"settings": {"classification.loss": "focal"}, "plugins": [tmp_path / "watching.py"]}

    fitted = AutoSFTClassifier(**SETTINGS, **asked, strategies=("probe",), run=home / "set").fit(*reviews)

    (best,) = fitted.result_.best
    assert best.recipe.of("classification") == {"loss": "focal"} and "watching.py" in fitted.result_.versions
    with pytest.raises(BadInput, match="Unknown parameter of classification"):
        clone(fitted).set_params(settings={"classification.los": "focal"}, run=None).fit(*reviews)


@pytest.mark.slow
def test_samples_without_targets_are_learned_from(home, reviews):
    texts, liked = reviews
    asked = {**SETTINGS, "trials": 4, "strategies": ("probe", "cotraining"), "run": home / "unlabeled"}
    fitted = AutoSFTClassifier(**asked).fit(texts[:30], liked[:30], unlabeled=np.array(texts[30:]))

    run = Run.read(fitted.run_)
    assert len(run.data.unlabeled) == 30 and len(run.data.labelled) == 30
    records = [Record.read(path) for path in fitted.run_.glob("trials/*/record.json")]
    assert {(record.recipe.strategy, record.unlabeled) for record in records} == {("probe", 0), ("cotraining", 30)}
    assert fitted.score(texts, liked) > 0.9
