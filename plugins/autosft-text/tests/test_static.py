"""Word vectors: found in their folder, averaged, and known to other scripts."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from autosft.api import BadWeights, Recipe, Row, Rows
from autosft.testing.conformance import BackboneConformance
from autosft_text.modality import TextModality
from autosft_text.static_family import StaticFamily
from autosft_text.words import known_words

FAMILY = StaticFamily()
WORDS = ["the", "film", "was", "fine", "dull", "!", "Paris", "电影", "好看", "foot", "ball"]


@pytest.fixture
def vectors(tmp_path):
    """A folder of word vectors: each word a direction of its own."""
    folder = tmp_path / "vectors"
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    save_file({"embedding.weight": torch.eye(len(WORDS))}, folder / "model.safetensors")
    return folder


def build(folder, texts=(), **own):
    info, weights = FAMILY.local(folder)
    rows = Rows.of(Row(str(n), text) for n, text in enumerate(texts))
    state = FAMILY.fit(info, rows, lambda row: row.ref, weights)
    return FAMILY.build(info, Recipe(backbone="b", strategy="s", own={"static": own}), state, weights).eval()


class TestStatic(BackboneConformance):
    @pytest.fixture
    def family(self):
        return FAMILY

    @pytest.fixture
    def modality(self):
        return TextModality()

    @pytest.fixture
    def data_path(self, reviews):
        return reviews

    @pytest.fixture
    def weights(self, vectors):
        return FAMILY.local(vectors)[1]

    @pytest.fixture
    def info(self, vectors):
        return FAMILY.local(vectors)[0]

    def test_names_and_patterns_find_encoders(self, family):
        assert not family.match("*") and not family.curated()


def test_words_are_found_as_written_in_lower_case_or_in_pieces():
    assert list(known_words("The FILM was… fine!", set(WORDS))) == ["the", "film", "was", "fine", "!"]
    assert list(known_words("Paris paris", set(WORDS))) == ["Paris"]
    assert list(known_words("这部电影很好看", set(WORDS))) == ["电影", "好看"]
    assert list(known_words("football xylophone", set(WORDS))) == ["foot", "ball"]


def test_texts_are_means_of_their_words(vectors):
    encoder = build(vectors, weighting="equal")
    with torch.inference_mode():
        pooled = encoder(["the film", "fine fine dull unheard-of", "", "???"])["pooled"].numpy()
    np.testing.assert_allclose(pooled[0, :2], [0.5, 0.5])
    np.testing.assert_allclose(pooled[1, 3:5], [2 / 3, 1 / 3], rtol=1e-6)
    assert not pooled[2:].any()


def test_what_is_said_in_every_text_weighs_less(vectors):
    encoder = build(vectors, ["the film was fine", "the film was dull", "the film was fine !"] * 5)
    with torch.inference_mode():
        pooled = encoder(["the ! film"])["pooled"][0]
    assert pooled[5] > 2 * pooled[0] > 0 and pooled.sum() == pytest.approx(1)


def test_a_folder_that_is_not_whole_is_refused(vectors):
    (vectors / "vocab.txt").write_text("the\nfilm\n")
    with pytest.raises(BadWeights, match="11 vectors for 2 words"):
        FAMILY.local(vectors)
    (vectors / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(BadWeights, match="cannot be read"):
        FAMILY.local(vectors)
