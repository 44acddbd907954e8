"""`Modality`: how one kind of data is recognized, listed, read and shown to an encoder, and in a `Preview` to a person.

A modality knows files and samples. It knows neither splits nor checks nor caches: those are the same for all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, cast

import numpy as np

from autosft.contracts.backbone import BackboneInfo, Inputs
from autosft.contracts.recipe import Recipe
from autosft.contracts.rows import Row, Rows, Scan
from autosft.contracts.space import Space
from autosft.contracts.state import State
from autosft.contracts.task import Hints, InferredTask, Task

Strength = Literal["none", "light", "strong"]
"""How much a view changes what it shows: `"none"` for rows to answer and for frozen features, `"light"` and `"strong"`
for rows to learn from. What the last two mean is the modality's to say."""

Mix = Literal["mixup", "cutmix"]
"""How two rows are mixed: `"mixup"`, by their mean (Zhang et al., 2018); `"cutmix"`, a part of one in the other (Yun et
al., 2019)."""

Read = Callable[[Row], Any]
"""Decodes a row, as `Modality.read` does, maybe from a cache; what it raises is what `Modality.read` raises."""

Meta = Mapping[str, float]
"""What is known of a row beside its sample, such as the size of its file's picture: numbers by names of the modality's
own."""


@dataclass(frozen=True)
class Sample:
    """A decoded sample, and what it does not show of its row any more.

    Attributes:
        data: The sample itself.
        meta: What targets need to be put into terms of it, and answers to be mapped back, such as the size that a
            picture had before it was reduced.
    """

    data: Any
    meta: Meta = field(default_factory=dict[str, float])

    @classmethod
    def of(cls, decoded: Any) -> Self:
        """What `Modality.read` gave, which may be a sample without any more to say."""
        return cast("Self", decoded) if isinstance(decoded, Sample) else cls(decoded)

    @property
    def nbytes(self) -> int | None:
        """The bytes of the sample; None if it does not say."""
        return getattr(self.data, "nbytes", None)


@dataclass(frozen=True)
class Example:
    """A row on its way to a model.

    Attributes:
        inputs: The decoded sample; of a view, what `Modality.collate` takes.
        targets: What is to be said of it, one entry per problem, as `Problem.wrap` gave it: a view that moves what is
            seen moves its targets with it. Empty where there are none.
        meta: What `Modality.read` said of it. A view keeps that; one of strength `"none"` adds where what it shows lies
            in the sample, so that answers can be mapped back (`Batch.meta`).
        others: Other rows, decoded, that a view may show beside it, with targets for the same problems; as many as
            `Modality.others` asks for, or none where there are no such rows.
    """

    inputs: Any
    targets: tuple[Any, ...] = ()
    meta: Meta = field(default_factory=dict[str, float])
    others: tuple[Example, ...] = ()


View = Callable[[Example, np.random.Generator], Example]
"""How a row is seen. All that is random in it is drawn from the generator."""


@dataclass(frozen=True)
class Preview:
    """What a person is shown of a sample, in a report.

    Attributes:
        text: The sample in words: the text itself, or what it is called.
        picture: A small image of it, as the bytes of a JPEG or SVG file; empty if it cannot be pictured.
    """

    text: str
    picture: bytes = b""


class Modality(ABC):
    """One kind of data.

    While a model computes, several threads call `read`, the views and `collate` for the rows to come, and maybe other
    processes, which have copies made by pickle: none of them may depend on what was called before.

    Attributes:
        name: Unique among modalities, such as `"image"`.
        kinds: The kinds of `Inputs` that its views can make; a backbone fits if its kind is among them.
        space: Parameters of its own that matter to every strategy, found in the recipe under its name.
        augmentation: Parameters that matter only where rows are seen in views other than `"none"`; found there too.
    """

    name: ClassVar[str]
    kinds: ClassVar[frozenset[str]]
    space: ClassVar[Space] = {}
    augmentation: ClassVar[Space] = {}

    def space_for(self, inputs: Inputs, state: State) -> Space:
        """Which parameters of `space` mean anything to an encoder that is fed so, for rows of which `fit` learned this;
        all by default. No two values of one parameter may give the same views: that would be trained twice."""
        return self.space

    def relative_cost(self, inputs: Inputs, recipe: Recipe, state: State) -> float:
        """What an encoder has to do for a sample under this recipe, as a fraction of what it has to do under the
        defaults, such as 0.25 at half the side of an image. Where time is short a search begins with a lower cost."""
        return 1.0

    def mixes(self, inputs: Inputs) -> frozenset[Mix]:
        """How two rows can be mixed for an encoder that is fed so; not at all by default.

        `"mixup"` where `collate` gives one tensor of floats, and means of rows are inputs too; `"cutmix"` where that
        tensor is a picture, shape (rows, channels, height, width), of which any part means something.
        """
        return frozenset()

    @abstractmethod
    def recognize(self, path: Path, hints: Hints = Hints()) -> InferredTask | None:
        """Propose a task for the data at `path`, or None if it is not of this kind.

        Must be quick: names, and the first bytes or rows of each file.

        Raises:
            BadInput: The data is clearly of this kind but cannot be used, such as an empty folder per class, or a hint
                names what is not there.
        """

    @abstractmethod
    def scan(self, task: Task) -> Scan:
        """List every row of the task's data; what cannot be used becomes a `SkippedSample`, never silence.

        Raises:
            BadInput: The task's `data` table is wrong or its files are missing.
        """

    @abstractmethod
    def collect(self, inputs: Sequence[Any], task: Task) -> Scan:
        """List rows to answer, without targets, from what a user hands to a predictor of this task.

        Raises:
            BadInput: An input is of a type that this modality does not know, or a path is missing.
        """

    @abstractmethod
    def read(self, row: Row) -> Any:
        """Decode one sample, before any view; results may be cached. A `Sample`, where answers are to be mapped back to
        what the row was before; else the decoded sample as it is.

        Raises:
            Unreadable: The sample cannot be decoded.
        """

    def preview(self, row: Row) -> Preview:
        """What a person is shown of a sample: by default what the row refers to, in words.

        Raises:
            Unreadable: The sample cannot be decoded.
        """
        return Preview(str(row.ref))

    def digest(self, row: Row) -> str:
        """sha256, as hexadecimal text, of the raw content that a row refers to, so that what was made of it can be kept
        for later searches; empty if it cannot be told, and nothing is kept."""
        return ""

    def version(self) -> str:
        """Changes whenever the same content might be read, or shown to an encoder, in another way, such as the version
        of a decoder: what was made of rows before is then made again."""
        return ""

    def length(self, row: Row) -> int:
        """How long a sample is, in a unit of the modality's own, without reading it: rows of like length are batched
        together where an encoder pads. 0 where all are alike."""
        return 0

    def fit(self, rows: Rows, read: Read) -> State:
        """Learn from training rows what views need: lengths, sizes, statistics. A search does so once, before its first
        trial: its space follows from it, and all of its trials see rows alike."""
        return State()

    def describe(self, state: State) -> str:
        """What `fit` learned of the training rows, in a few words for the user; nothing by default."""
        return ""

    def unfamiliar(self, info: BackboneInfo, state: State) -> str:
        """Why rows of which `fit` learned this are unlike what an encoder has learned, such as texts in a language that
        it does not know; empty, as by default, if they are not. Such encoders are tried last, on a few rows."""
        return ""

    @abstractmethod
    def view(self, inputs: Inputs, recipe: Recipe, state: State, *, strength: Strength) -> View:
        """How decoded rows are seen: an example's inputs become what `collate` takes.

        A view of strength `"none"` draws nothing. The others draw from the generator that they are given, and from no
        other: it is seeded by what is drawn, so that a sample is seen alike by whichever thread or process loads it.
        """

    def others(self, recipe: Recipe, *, strength: Strength) -> int:
        """How many other rows a view is shown beside each, such as 3 for a mosaic (Bochkovskiy et al., 2020). None by
        default; a view of strength `"none"`, which draws nothing, is not asked."""
        return 0

    def preparation(self, inputs: Inputs, recipe: Recipe, state: State) -> Mapping[str, Any]:
        """What a view of strength `"none"` does, in plain JSON, for who feeds an exported model; nothing by default."""
        return {}

    @abstractmethod
    def collate(self, samples: Sequence[Any]) -> Any:
        """Join viewed samples into the encoder's inputs: a tensor, or a mapping of tensors, batch first; or a list with
        one entry per row, such as texts for an encoder that learned its own vocabulary."""
