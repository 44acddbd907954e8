"""`BackboneFamily` and `WeightSource`: which encoders there are, and where their weights lie.

Families, because one library has 1,800 names and a hub has any number. A family describes encoders without
building them; weights are found by sources, so that an air-gapped site can bring its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from autosft.contracts.document import Document
from autosft.contracts.recipe import Recipe
from autosft.contracts.rows import Row, Rows
from autosft.contracts.space import Space
from autosft.contracts.state import State

if TYPE_CHECKING:
    from autosft.contracts.tensors import Encoder


class Inputs(Document):
    """What an encoder must be fed.

    Attributes:
        kind: The word by which views and encoders agree, such as `"image"` or `"tokens"`.
        options: What a view must know, as the modality says, such as size, mean and standard deviation of images: see
            the docstrings of `ImageModality`, `AudioModality` and `TextModality`.
    """

    kind: str
    options: Mapping[str, Any] = {}


class BackboneInfo(Document):
    """An encoder, described.

    Attributes:
        name: The full name, `"<prefix>/<name>"`.
        inputs: What it must be fed.
        gives: The keys of its outputs: `"pooled"`, `"tokens"`, `"maps"`, `"logits"`.
        parameters: The number of weights; 0 if unknown.
        gigaflops: Multiply-adds for one sample, in units of 1e9; 0 if unknown.
        prior: The family's expectation of how well it transfers, from 0 to 1; orders the first trials, and backbones
            whose scores lie within one standard error.
        pretrained: What weight sources go by, such as `{"hub": "timm/resnet18.a1_in1k"}`; empty if the encoder
            needs none. With `"beside": "config.json"` a source brings a folder, in which such files lie beside the
            weights, separated by blanks; whatever small files the place has more, such as a tokenizer, come along.
        license: The licence of the weights, as an SPDX expression where there is one.
        arguments: What the family needs to build it.
        languages: ISO 639 codes of the languages that it has learned, such as `"en"`; empty if that means nothing to
            it, or is unknown.
        origin: What it is before any training: `"pretrained"`; `"fitted"`, if all that it knows is learned by
            `BackboneFamily.fit` and nothing in it can be trained; or `"scratch"`, if its weights are drawn, so that it
            says nothing as long as it stays frozen.
        hides: What stands at the places that its encoder can hide from itself, for masked modelling: `"tokens"` or
            `"values"`; empty if the encoder is no `MaskingEncoder`.
    """

    name: str
    inputs: Inputs
    gives: frozenset[str] = frozenset({"pooled"})
    parameters: int = 0
    gigaflops: float = 0.0
    prior: float = 0.5
    pretrained: Mapping[str, str] = {}
    license: str = ""
    arguments: Mapping[str, Any] = {}
    languages: frozenset[str] = frozenset()
    origin: Literal["pretrained", "fitted", "scratch"] = "pretrained"
    hides: Literal["", "tokens", "values"] = ""


class WeightFile(Document):
    """A file of weights, or a folder with all that the encoder comes with, such as its tokenizer.

    Attributes:
        source: The name of the source, for reports.
        path: Where it lies; empty if it must be fetched first.
        sha256: What the content must hash to, in a folder that of the file of weights; empty if unknown.
        license: The licence of the weights.
        rename: Pairs of regular expression and replacement, applied in order to every key.
        remote: What `WeightSource.fetch` needs.
    """

    source: str
    path: str = ""
    sha256: str = ""
    license: str = ""
    rename: tuple[tuple[str, str], ...] = ()
    remote: Mapping[str, str] = {}


class BackboneFamily(ABC):
    """Encoders of one library.

    Attributes:
        prefix: What their names begin with, unique among families, such as `"timm"`.
        space: Parameters of its own, found in the recipe under its prefix.
        rate: How many times the usual its encoders may be taught: `optim.lr`, whatever range a strategy gives it, is
            multiplied by this. Large transformers of texts forget at rates at which small convolutions learn.
    """

    prefix: ClassVar[str]
    space: ClassVar[Space] = {}
    rate: ClassVar[float] = 1.0

    def space_for(self, info: BackboneInfo) -> Space:
        """Which parameters of `space` mean anything to this encoder; all by default."""
        return self.space

    def ignores(self, info: BackboneInfo) -> frozenset[str]:
        """Shared recipe fields that mean nothing to this encoder, so that a search does not sample them: by default
        `regular.drop_path`, which `build` must know of, `regular.norm_statistics`, as most have no batch norm, and
        without pretrained weights `optim.l2_sp`."""
        always = {"regular.drop_path", "regular.norm_statistics"}
        return frozenset(always | ({"optim.l2_sp"} if info.origin != "pretrained" else set()))

    @abstractmethod
    def curated(self) -> Sequence[BackboneInfo]:
        """The default list. Metadata only: imports nothing heavy, reads no weights."""

    @abstractmethod
    def match(self, pattern: str) -> Sequence[BackboneInfo]:
        """The encoders whose name, without the prefix, matches a shell pattern such as `"resnet*"`."""

    def local(self, path: Path) -> tuple[BackboneInfo, WeightFile] | None:
        """The encoder whose weights a user has at `path` (a folder or a file), or None if it is not this family's.

        Raises:
            BadWeights: The path is clearly this family's, but damaged or of an unknown architecture.
        """
        return None

    def version(self) -> str:
        """Changes whenever the same weights might give other features, such as the version of a library; empty if what
        its encoders make of a row must not be kept for later searches."""
        return ""

    def fit(
        self, info: BackboneInfo, rows: Rows, read: Callable[[Row], Any], weights: WeightFile | None = None
    ) -> State:
        """Learn from training rows, and take from beside the weights, what the encoder is built from, such as a
        vocabulary. It goes into the bundle: a predictor builds the encoder from it, without the weights' folder.
        `read` gives what the modality's `read` gives. One state is for every recipe: what `space` decides, such as the
        length of n-grams, is chosen in `build`."""
        return State()

    def note(self, info: BackboneInfo, state: State, rows: Rows, read: Callable[[Row], Any]) -> str:
        """What the user should know of how this encoder sees the training rows, in a few words, such as that long
        texts are cut; empty if nothing. A sample of the rows is enough."""
        return ""

    @abstractmethod
    def build(self, info: BackboneInfo, recipe: Recipe, state: State, weights: WeightFile | None) -> Encoder:
        """Build the encoder, with the weights of a file or, if None, with fresh ones.

        Raises:
            BadWeights: The file is damaged or does not fit.
        """


class WeightSource(ABC):
    """A place where weights may lie.

    Attributes:
        name: Unique among sources.
        order: Sources are asked from low to high: 10 for installed packages, 20 for caches, 30 for the network.
    """

    name: ClassVar[str]
    order: ClassVar[int]

    @abstractmethod
    def find(self, info: BackboneInfo) -> WeightFile | None:
        """Say within a few seconds whether this source has the weights. Downloads nothing.

        Raises:
            Unreachable: The source cannot be asked; the message says why.
        """

    def fetch(self, file: WeightFile) -> WeightFile:
        """Bring a found file to this machine; a file with a path is there already.

        Raises:
            BadWeights: The file cannot be brought.
        """
        return file
