"""TF-IDF: scikit-learn's, sparse all the way, and with the probe as good as scikit-learn's own pipeline."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from autosft.api import Recipe, Row, Rows, Strategy
from autosft.host.loading import load
from autosft.testing.conformance import BackboneConformance
from autosft.testing.trials import make_runtime, make_trial
from autosft.training.evaluation import answer
from autosft.training.loop import train
from autosft_text.modality import TextModality
from autosft_text.tfidf_family import TfidfFamily
from autosft_text.words import words_in

FAMILY = TfidfFamily()
RECIPE = Recipe(backbone="tfidf/words-characters", strategy="probe")


def built(name, texts):
    (info,) = FAMILY.match(name)
    rows = Rows.of(Row(str(n), text) for n, text in enumerate(texts))
    return FAMILY.build(info, RECIPE, FAMILY.fit(info, rows, lambda row: row.ref), None).eval()


class TestTfidf(BackboneConformance):
    @pytest.fixture
    def family(self):
        return FAMILY

    @pytest.fixture
    def modality(self):
        return TextModality()

    @pytest.fixture
    def data_path(self, reviews):
        return reviews


def test_terms_and_weights_are_scikit_learn_s():
    texts = ["The film was fine.", "the meal, cold & dull", "这部电影非常好看", "fine fine fine", "a\x1fb"]
    pooled = built("words-characters", texts)([*texts, "unheard", ""])["pooled"]
    assert pooled.layout == torch.sparse_csr
    pooled = pooled.to_dense().numpy()
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, tokenizer=words_in, token_pattern=None)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    lines = [text.replace("\x1f", "\n") for text in texts]
    expected = [kind.fit(lines).transform([*lines, "unheard", ""]).toarray() for kind in (words, characters)]
    np.testing.assert_allclose(pooled, np.hstack(expected), atol=1e-6)


def test_with_many_rows_a_term_must_be_met_twice(sentences):
    few, many = ([text for text, _ in sentences(count)] for count in (100, 300))
    assert built("words", few).widths["pooled"] > built("words", many).widths["pooled"]
    assert built("words", [f"{n}" for n in range(300)]).widths["pooled"] == 300, "unless none is"


@pytest.fixture
def trial(tmp_path, sentences, write_table):
    registry = load()
    if "probe" not in registry.strategies:
        pytest.skip("autosft-strategies is not installed")
    draw = np.random.default_rng(0)
    other = {"pos": "neg", "neg": "pos"}
    rows = [(text, label if draw.random() < 0.9 else other[label]) for text, label in sentences(400)]
    task = TextModality().recognize(write_table(tmp_path / "a.csv", rows)).task
    return make_trial(tmp_path / "trial", task, registry, RECIPE)


@pytest.fixture
def runtime(trial):
    return make_runtime(trial)


def probe() -> Strategy:
    return load().strategy("probe")


def test_the_probe_on_it_is_as_good_as_scikit_learn(trial, runtime):
    trained = train(trial, runtime, probe())
    pipeline = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression())
    strengths = {"logisticregression__C": np.logspace(-2, 2, 9)}
    search = GridSearchCV(pipeline, strengths, scoring="neg_log_loss").fit(trial.train.ref, trial.train.target(0))
    truth = np.array(trial.valid.target(0))[:, None] == search.classes_
    loss = -np.log(search.predict_proba(trial.valid.ref)[truth]).mean()
    assert trained.evaluation.loss < 1.1 * loss


def test_answers_are_the_same_from_cached_rows_and_from_texts(trial, runtime):
    model = train(trial, runtime, probe()).model
    kept, anew = (answer(trial.parts, runtime, model, trial.valid, cached=cached)[0] for cached in (True, False))
    np.testing.assert_allclose(kept.arrays["probabilities"], anew.arrays["probabilities"], atol=1e-6)
    again = train(replace(trial, folder=trial.folder / "again"), replace(runtime, features={}), probe()).model
    assert all(torch.equal(one, other) for one, other in zip(model.parameters(), again.parameters(), strict=True))
