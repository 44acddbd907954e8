"""Reviews of films that a model of words tells apart, and one real fit on them."""

from __future__ import annotations

import numpy as np
import pytest

from autosft import AutoSFTClassifier
from autosft.testing import toy

WORDS = {True: "fine lovely great warm", False: "awful poor cold grim"}
SETTINGS = {"budget": None, "trials": 1, "threads": 1, "device": "cpu", "backbones": ("tfidf/*",)}


@pytest.fixture(scope="module")
def reviews():
    """Texts, and whether each is in favour."""
    drawn = np.random.default_rng(0)
    liked = np.arange(60) % 2 == 0
    texts = [" ".join([*drawn.choice(WORDS[bool(one)].split(), 4), "film", str(n)]) for n, one in enumerate(liked)]
    return texts, liked


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder for runs and caches, with the parts for texts alone."""
    folder = tmp_path_factory.mktemp("estimators")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTOSFT_CACHE", str(folder / "cache"))
        patch.setenv("AUTOSFT_DISABLE_PLUGINS", toy.all_but("autosft-text", "autosft-strategies"))
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield folder


@pytest.fixture(scope="module")
def fitted(home, reviews):
    """A classifier after its fit."""
    texts, liked = reviews
    return AutoSFTClassifier(**SETTINGS, strategies=("probe",), run=home / "liked").fit(texts, liked)
