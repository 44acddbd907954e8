"""A sketch of ragged targets from rows through micro-batches to the answers: boxes found on `"maps"`.

Objects as the peaks of a map, with their sizes beside (CenterNet: Zhou et al., 2019), at toy size. Pictures of several
sizes are reduced when they are read; boxes are given and answered in pixels of the files, whatever is seen of them.
"""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss

from autosft.api import (
    BackboneFamily,
    BackboneInfo,
    Float,
    Inputs,
    Metric,
    Modality,
    Outputs,
    Problem,
    Row,
    Rows,
    Sample,
    Scan,
    State,
    by_name,
    hookimpl,
)
from autosft.api.tensors import Encoder

autosft_api = 2

KEPT, SIDE, HALF = 10, 8, 4
"""The sides in pixels of what is kept of a picture, of what is seen of that, and of a tile of a mosaic."""

TILES = ((0, 0), (0, HALF), (HALF, 0), (HALF, HALF))


class Pictures(Modality):
    name = "pictures"
    kinds = frozenset({"pictures"})
    augmentation: ClassVar = {"mosaic": Float(0.1, 0.9, default=0.3)}

    def recognize(self, path, hints=None):
        return None

    def scan(self, task):
        return Scan(Rows.of(rows(task.data["rows"])))

    def collect(self, inputs, task):
        return Scan(Rows.of(Row(f"row-{n}", picture) for n, picture in enumerate(inputs)))

    def read(self, row):
        """Reduced to a square, each pixel the mean of those that it stands for."""
        picture = np.array(row.ref, dtype=np.float32)
        height, width = picture.shape
        small = picture.reshape(KEPT, height // KEPT, KEPT, width // KEPT).mean(axis=(1, 3))
        return Sample(small, {"height": height, "width": width})

    def others(self, recipe, *, strength):
        return len(TILES) - 1

    def view(self, inputs, recipe, state, *, strength):
        """The middle, of which it is told where it begins; or a part at random, maybe mirrored, maybe of four rows."""
        mosaics = float(recipe.of(self.name).get("mosaic", 0.3))

        def view(example, generator):
            if strength == "none":
                begin = (KEPT - SIDE) // 2
                seen = cropped(example, begin, begin)
                return replace(seen, meta={**seen.meta, "top": begin, "left": begin})
            if generator.random() < mosaics and example.others:
                example = mosaic((example, *example.others), generator)
            seen = cropped(example, *generator.integers(0, KEPT - SIDE + 1, 2))
            return mirrored(seen) if generator.random() < 0.5 else seen

        return view

    def collate(self, samples):
        return torch.stack([torch.from_numpy(picture.copy())[None] for picture in samples])


def cropped(example, top, left):
    """A part of the picture, and of each box what is in it."""
    moved = [boxes - (top, left, 0, 0) for boxes in example.targets]
    picture = example.inputs[top : top + SIDE, left : left + SIDE]
    return replace(example, inputs=picture, targets=tuple(clipped(boxes, 0, 0, SIDE) for boxes in moved))


def clipped(boxes, top, left, side):
    """What is left of each box within a square."""
    begin = boxes[:, :2].clip((top, left), (top + side, left + side))
    end = (boxes[:, :2] + boxes[:, 2:]).clip((top, left), (top + side, left + side))
    return np.concatenate([begin, end - begin], axis=1)[(end > begin).all(axis=1)]


def mirrored(example):
    columns = [boxes.T for boxes in example.targets]
    flipped = (np.stack([top, SIDE - left - width, height, width], axis=1) for top, left, height, width in columns)
    return replace(example, inputs=example.inputs[:, ::-1], targets=tuple(flipped))


def mosaic(examples, generator):
    """A picture each quarter of whose middle is that of another row, in a random order (Bochkovskiy et al., 2020)."""
    picture, begin = np.zeros((KEPT, KEPT), dtype=np.float32), (KEPT - SIDE) // 2
    found = [[] for _ in examples[0].targets]
    for (top, left), number in zip(TILES, generator.permutation(len(TILES)), strict=True):
        tile = slice(begin + top, begin + top + HALF), slice(begin + left, begin + left + HALF)
        picture[tile] = examples[number].inputs[tile]
        for boxes, every in zip(examples[number].targets, found, strict=True):
            every.append(clipped(boxes, begin + top, begin + left, HALF))
    return replace(examples[0], inputs=picture, targets=tuple(map(np.concatenate, found)))


class Eyes(BackboneFamily):
    prefix = "eyes"

    def curated(self):
        return [BackboneInfo(name="eyes/small", inputs=Inputs(kind="pictures"), gives=frozenset({"maps"}))]

    def match(self, pattern):
        return self.curated()

    def build(self, info, recipe, state, weights):
        return Eye()


class Eye(Encoder):
    def __init__(self):
        super().__init__()
        self.widths = {"maps": 16}
        self.first, self.second = nn.Conv2d(1, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1)

    def forward(self, inputs):
        return {"maps": self.second(self.first(inputs).relu()).relu()}


class MapsHead(nn.Conv2d):
    """For each place: whether an object is there, and its height and width."""

    def forward(self, encoded, target=None):
        return super().forward(encoded["maps"])


class Boxes(Problem):
    """A target is a tuple of boxes (top, left, height, width) in pixels of the file, maybe empty."""

    name = "boxes"
    needs = frozenset({"maps"})
    metrics = by_name(Metric("f1", "boxes", lambda truth, answered: f1(truth, answered)))
    loss_per_row = False
    ignores = frozenset({"regular.label_smoothing", "regular.balance", "regular.mixup", "regular.cutmix"})

    def fit(self, targets):
        return State({"boxes": sum(map(len, targets))})

    def head(self, widths, state, recipe):
        return MapsHead(widths["maps"], 3, 1)

    def wrap(self, target, sample, meta):
        """In pixels of what was kept, shape (boxes, 4)."""
        down, across = sample.shape[0] / meta["height"], sample.shape[1] / meta["width"]
        return np.array(target, dtype=np.float32).reshape(-1, 4) * np.float32([down, across, down, across])

    def encode(self, targets, state):
        return [torch.from_numpy(target).float() for target in targets]

    def loss(self, out, targets, state, recipe):
        losses = []
        for maps, boxes in zip(out, targets, strict=True):
            top, left = boxes[:, 0].long(), boxes[:, 1].long()
            there = torch.zeros_like(maps[0])
            there[top, left] = 1
            sizes = l1_loss(maps[1:, top, left].T, boxes[:, 2:], reduction="sum")
            losses.append(binary_cross_entropy_with_logits(maps[0], there, reduction="sum") + 0.3 * sizes)
        return torch.stack(losses).sum()

    def normalizer(self, targets):
        """As in FCOS (Tian et al., 2019)."""
        return max(1, sum(map(len, targets)))

    def outputs(self, out, batch, state, recipe, model):
        return Outputs(items=tuple(boxes(maps, meta) for maps, meta in zip(out.cpu(), batch.meta, strict=True)))

    def decide(self, outputs, state):
        return [[box[:4] for box in boxes] for boxes in outputs.items]


def f1(truth, answered):
    right = sum(map(matched, answered, truth))
    return 2 * right / max(1, sum(map(len, answered)) + sum(map(len, truth)))


def boxes(maps, meta):
    """Places with a probability above one half, with it as the fifth number; in pixels of the file."""
    places = (maps[0] > 0).nonzero().tolist()
    down, across = meta["height"] / KEPT, meta["width"] / KEPT
    found = []
    for top, left in places:
        height, width = maps[1:, top, left].tolist()
        box = (top + meta["top"]) * down, (left + meta["left"]) * across, height * down, width * across
        found.append([*box, float(maps[0, top, left].sigmoid())])
    return found


def matched(found, truth):
    """How many of the true boxes are found, each by another one with which it shares half of what both cover."""
    left = list(found)
    for box in truth:
        weights = [overlap(box, other) for other in left]
        if max(weights, default=0.0) >= 0.5:
            del left[int(np.argmax(weights))]
    return len(found) - len(left)


def overlap(one, other):
    """The intersection of two boxes over their union."""
    sides = [max(0.0, min(one[n] + one[n + 2], other[n] + other[n + 2]) - max(one[n], other[n])) for n in (0, 1)]
    shared = sides[0] * sides[1]
    return shared / max(1e-9, one[2] * one[3] + other[2] * other[3] - shared)


def rows(count):
    """Pictures two to four times as high and wide as what is kept of them, with up to three objects within."""
    draw = np.random.default_rng(0)
    for number in range(count):
        down, across = draw.integers(2, 5, 2)
        picture, boxes = np.zeros((KEPT * down, KEPT * across)), []
        for corner in 1 + draw.permutation(TILES)[: draw.integers(0, 4)]:
            box = (*(corner + draw.integers(0, 2, 2)), *draw.integers(1, 3, 2)) * np.array([down, across, down, across])
            top, left, height, width = map(int, box)
            picture[top : top + height, left : left + width] = 1
            boxes.append((top, left, height, width))
        yield Row(f"row-{number}", picture.tolist(), (tuple(boxes),))


@hookimpl
def autosft_modalities():
    return [Pictures()]


@hookimpl
def autosft_backbones():
    return [Eyes()]


@hookimpl
def autosft_problems():
    return [Boxes()]
