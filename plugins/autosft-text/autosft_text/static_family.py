"""`StaticFamily`: word vectors such as GloVe's (Pennington et al., 2014). Knows neither data nor training."""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np
import numpy.typing as npt

from autosft.api import (
    BackboneFamily,
    BackboneInfo,
    BadWeights,
    Choice,
    Inputs,
    Recipe,
    Row,
    Rows,
    Space,
    State,
    WeightFile,
)
from autosft.api.weights import load_weights, sha256_of_file
from autosft_text.joining import as_lines
from autosft_text.languages import language_of_words
from autosft_text.words import known_words

if TYPE_CHECKING:
    from autosft.api.tensors import Encoder

COMMON_WORDS = 200
"""The first words of a vocabulary, which are mostly the most common, tell its language."""

WEIGHTS, VOCABULARY = "model.safetensors", "vocab.txt"

_RARE = 1e-3
"""The `a` of SIF: a word with this fraction of all words weighs half as much as the rarest."""


@final
class StaticFamily(BackboneFamily):
    """Vectors of words that do not depend on their neighbors: weak on fine meaning, and hundreds of times faster than
    a transformer."""

    prefix = "static"
    rate = 3.0
    space: ClassVar[Space] = {
        "weighting": Choice(("rare", "equal"), doc="whether rare words count more in the mean, or all the same")
    }

    def curated(self) -> Sequence[BackboneInfo]:
        """None: there is no usual place for word vectors."""
        return []

    def match(self, pattern: str) -> Sequence[BackboneInfo]:
        """None."""
        return [info for info in self.curated() if fnmatch.fnmatchcase(info.name.removeprefix("static/"), pattern)]

    def local(self, path: Path) -> tuple[BackboneInfo, WeightFile] | None:
        """A folder with `vocab.txt`, a word per line, and `model.safetensors` with one vector per word in its order."""
        if not (path / VOCABULARY).is_file() or not (path / WEIGHTS).is_file() or (path / "config.json").exists():
            return None
        key, shape = _only_matrix(path / WEIGHTS)
        if shape[0] != len(_words(path)):
            raise BadWeights(f"{path}: {shape[0]} vectors for {len(_words(path))} words in {VOCABULARY}.")
        info = BackboneInfo(
            name=f"static/{path.resolve().name}",
            inputs=Inputs(kind="text"),
            parameters=shape[0] * shape[1],
            prior=0.45,
            arguments={"width": shape[1]},
            languages=frozenset(language_of_words(_words(path)[:COMMON_WORDS])),
        )
        rename = () if key == "embedding.weight" else ((".*", "embedding.weight"),)
        digest = sha256_of_file(path / WEIGHTS)
        return info, WeightFile(source="folder", path=str(path.absolute()), sha256=digest, rename=rename)

    def fit(
        self, info: BackboneInfo, rows: Rows, read: Callable[[Row], Any], weights: WeightFile | None = None
    ) -> State:
        """The vocabulary, and how often the training rows use each word.

        Raises:
            BadWeights: There are no vectors, and so no words.
        """
        if weights is None or not Path(weights.path).is_dir():
            raise BadWeights(f"{info.name}: its vocabulary lies in a folder with its vectors, and there is none.")
        words = _words(Path(weights.path))
        numbers = {word: number for number, word in enumerate(words)}
        counts = Counter(numbers[word] for row in rows for word in known_words(as_lines(read(row)), numbers))
        uses = np.zeros(len(words), dtype=np.int64)
        uses[list(counts)] = list(counts.values())
        content = "\n".join(words).encode()
        return State(arrays={"words": np.frombuffer(content, dtype=np.uint8), "uses": uses})

    def build(self, info: BackboneInfo, recipe: Recipe, state: State, weights: WeightFile | None) -> Encoder:
        """The mean of the vectors; of weighting `"rare"` by smooth inverse frequency (SIF: Arora et al., 2017)."""
        from autosft_text.static_encoder import StaticEncoder

        words = state.arrays["words"].tobytes().decode().split("\n")
        equal = recipe.of(self.prefix).get("weighting", "rare") == "equal"
        fractions = np.ones(len(words), dtype=np.float32) if equal else _sif(state.arrays["uses"])
        encoder = StaticEncoder(words, int(info.arguments["width"]), fractions)
        if weights is not None:
            if not Path(weights.path).is_dir():
                raise BadWeights(f"{weights.path}: there is no folder of word vectors.")
            load_weights(encoder, weights)
        return encoder


def _sif(uses: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """The weight of each word."""
    return (_RARE / (_RARE + uses / max(1, uses.sum()))).astype(np.float32)


def _words(folder: Path) -> list[str]:
    try:
        content = (folder / VOCABULARY).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise BadWeights(f"{folder / VOCABULARY}: cannot be read ({error}).") from error
    return content.removesuffix("\n").split("\n")


def _only_matrix(path: Path) -> tuple[str, list[int]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as stream:
            shapes = {key: stream.get_slice(key).get_shape() for key in stream.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError) as error:
        raise BadWeights(f"{path}: cannot be read as weights ({error}).") from error
    if len(shapes) != 1 or len(next(iter(shapes.values()))) != 2:
        raise BadWeights(
            f"{path}: it should hold one matrix, a vector per word; it holds {', '.join(shapes) or 'nothing'}."
        )
    return next(iter(shapes.items()))
