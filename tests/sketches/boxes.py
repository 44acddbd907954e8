"""A sketch of ragged targets from rows through micro-batches to the answers: boxes found on `"maps"`.

Objects as the peaks of a map, with their sizes beside (CenterNet: Zhou et al., 2019), at toy size.
"""

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss

from autosft.api import (
    BackboneFamily,
    BackboneInfo,
    Example,
    Inputs,
    Modality,
    Outputs,
    Problem,
    Row,
    Rows,
    Scan,
    State,
    hookimpl,
)
from autosft.api.tensors import Encoder

autosft_api = 2

SIDE = 8


class Pictures(Modality):
    name = "pictures"
    kinds = frozenset({"pictures"})

    def recognize(self, path, hints=None):
        return None

    def scan(self, task):
        return Scan(Rows.of(rows(task.data["rows"])))

    def collect(self, inputs, task):
        return Scan(Rows.of(Row(f"row-{n}", picture) for n, picture in enumerate(inputs)))

    def read(self, row):
        return np.array(row.ref, dtype=np.float32)

    def view(self, inputs, recipe, state, *, strength):
        def view(example, generator):
            picture, targets = torch.from_numpy(example.inputs)[None], example.targets
            if strength != "none" and generator.random() < 0.5:
                mirrored = ((top, SIDE - left - width, height, width) for top, left, height, width in targets[0])
                picture, targets = picture.flip(2), (tuple(mirrored),)
            return Example(picture, targets)

        return view

    def collate(self, samples):
        return torch.stack(samples)


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
    """A target is a tuple of boxes (top, left, height, width), maybe empty."""

    name = "boxes"
    needs = frozenset({"maps"})
    metrics = ("f1",)
    loss_per_row = False
    ignores = frozenset({"regular.label_smoothing", "regular.balance", "regular.mixup", "regular.cutmix"})

    def fit(self, targets):
        return State({"boxes": sum(map(len, targets))})

    def head(self, widths, state, recipe):
        return MapsHead(widths["maps"], 3, 1)

    def encode(self, targets, state):
        return [torch.tensor(target, dtype=torch.float32).reshape(-1, 4) for target in targets]

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
        return Outputs(items=tuple(boxes(maps) for maps in out.cpu()))

    def decide(self, outputs, state):
        return [[box[:4] for box in boxes] for boxes in outputs.items]

    def score(self, metric, outputs, targets, state):
        found = [{tuple(map(round, box)) for box in boxes} for boxes in self.decide(outputs, state)]
        right = sum(len(boxes & set(map(tuple, truth))) for boxes, truth in zip(found, targets, strict=True))
        return 2 * right / max(1, sum(map(len, found)) + sum(map(len, targets)))


def boxes(maps):
    """Places with a probability above one half, with it as the fifth number."""
    places = (maps[0] > 0).nonzero().tolist()
    return [[top, left, *maps[1:, top, left].tolist(), float(maps[0, top, left].sigmoid())] for top, left in places]


def rows(count):
    draw = np.random.default_rng(0)
    for number in range(count):
        picture, boxes = np.zeros((SIDE, SIDE)), []
        for corner in draw.permutation([(0, 0), (0, 4), (4, 0), (4, 4)])[: draw.integers(0, 4)]:
            top, left, height, width = (*(corner + draw.integers(0, 2, 2)), *draw.integers(1, 3, 2))
            picture[top : top + height, left : left + width] = 1
            boxes.append(tuple(map(int, (top, left, height, width))))
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
