"""Boxes in pixels of a file, through a reduced sample, a view and a batch and back, as a problem of others has them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision import tv_tensors

from autosft.api import Metric, Outputs, Parts, Problem, Row, Rows, Runtime, State, Task, TaskTarget, by_name
from autosft.api.tensors import Loader, Model
from autosft.contracts.recipe import Recipe
from autosft.contracts.trial import Loaders, States
from autosft.training.evaluation import answer
from autosft_image.curated import BY_NAME
from autosft_image.modality import ImageModality
from autosft_image.pixels import SHORT_SIDE

LITE = BY_NAME["tf_efficientnet_lite0.in1k"]
"""It sees images at 224 px."""


class Box(Problem):
    """The box (left, top, right, bottom), in pixels of the file, of what is bright in the dark."""

    name = "box"
    needs = frozenset({"pooled"})
    metrics = by_name(Metric("iou", "box", lambda truth, answered: 0.0))

    def fit(self, targets):
        return State()

    def wrap(self, target, sample, meta):
        height, width = sample.shape[:2]
        across, down = width / meta["width"], height / meta["height"]
        box = torch.tensor([target]) * torch.tensor([across, down, across, down])
        return tv_tensors.BoundingBoxes(box, format="XYXY", canvas_size=(height, width))

    def head(self, widths, state, recipe):
        return Seen()

    def encode(self, targets, state):
        return torch.cat([target.as_subclass(torch.Tensor) for target in targets])

    def loss(self, out, targets, state, recipe):
        return (out - targets).abs().mean(1)

    def outputs(self, out, batch, state, recipe, model):
        numbers = {name: np.array([meta[name] for meta in batch.meta]) for name in batch.meta[0]}
        shift, scale = (
            np.stack([numbers[f"{name}_x"], numbers[f"{name}_y"]] * 2, axis=1) for name in ("shift", "scale")
        )
        return Outputs({"boxes": (out.numpy() - shift) / scale})

    def decide(self, outputs, state):
        return outputs.arrays["boxes"].tolist()


class Bright(nn.Module):
    """Where what is bright begins and ends, shape (rows, 4), to a fraction of a pixel, as if a model had learned it."""

    def forward(self, inputs):
        mean, std = (torch.tensor(LITE.inputs.options[name]).view(3, 1, 1) for name in ("mean", "std"))
        level = (inputs * std + mean).mean(1)
        begins, ends = [], []
        for across in (level.amax(1), level.amax(2)):  # a pixel at an edge is as bright as is covered of it
            length = across.sum(1)
            middle = (across * (torch.arange(across.shape[1]) + 0.5)).sum(1) / length
            begins.append(middle - length / 2)
            ends.append(middle + length / 2)
        return {"pooled": torch.stack(begins + ends, dim=1)}


class Seen(nn.Module):
    """Answers what the encoder sees."""

    def forward(self, encoded, target=None):
        return encoded["pooled"]


@pytest.fixture
def picture(tmp_path):
    """A function that saves a dark picture with a bright box in it, and gives its row."""

    def save(name, box, size, **options):
        left, top, right, bottom = box
        pixels = np.zeros((*size, 3), np.uint8)
        pixels[top:bottom, left:right] = 255
        image = Image.fromarray(pixels)
        if exif := options.get("exif"):
            image = image.transpose({6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}[exif[0x0112]])
        image.save(tmp_path / name, **options)
        return Row(name, str(tmp_path / name), ([float(side) for side in box],))

    return save


def parts_for(crop_mode):
    task = Task(name="boxes", modality="image", targets=[TaskTarget(problem="box")], data={})
    recipe = Recipe(backbone=LITE.name, strategy="any", own={"image": {"crop_mode": crop_mode}})
    return Parts(task, recipe, ImageModality(), None, LITE, (Box(),), None, States(problems=(State(),)))


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


CASES = {
    "1000 px": ("a.png", (400, 300, 700, 560), (1000, 1000), {}),
    "wide": ("b.png", (700, 200, 1000, 700), (1000, 1600), {}),
    "a strip": ("c.png", (1800, 100, 2200, 300), (500, 4000), {}),
    "high": ("d.png", (300, 800, 500, 1000), (1700, 900), {}),
    "small": ("e.png", (40, 60, 90, 100), (150, 170), {}),
    "a JPEG decoded at a part of its size": ("f.jpg", (901, 650, 1411, 1203), (1601, 2205), {"quality": 98}),
    "lying on a side": ("g.jpg", (350, 500, 800, 700), (1200, 1000), {"quality": 98, "exif": turned(6)}),
    "on the other side": ("h.png", (400, 500, 800, 700), (1200, 1000), {"exif": turned(8)}),
}


@pytest.mark.parametrize("crop_mode", ["center", "squash"])
@pytest.mark.parametrize("name, box, size, options", CASES.values(), ids=CASES)
def test_boxes_of_files_lie_on_what_is_seen_and_answers_map_back(name, box, size, options, crop_mode, picture):
    """To a pixel of what is seen, and answers to a pixel of the file; to one of the sample where a decoder has rounded
    the size at which it decodes."""
    parts, rows = parts_for(crop_mode), Rows.of([picture(name, box, size, **options)])
    runtime = Runtime(parts.modality.read, torch.device("cpu"))
    (batch,) = Loader(parts, runtime, rows, batch_size=1).epoch()
    found = Bright()(batch.inputs)["pooled"]
    assert batch.inputs.shape == (1, 3, 224, 224)
    assert (batch.targets[0] - found).abs().max() < 1
    assert (batch.meta[0]["height"], batch.meta[0]["width"]) == size

    (back,) = Box().outputs(batch.targets[0], batch, State(), parts.recipe, None).arrays["boxes"]
    assert np.abs(back - box).max() < 0.01

    model = Model(Bright(), [Seen()])
    for loaders in (Loaders(), Loaders(2)):
        (answered,) = answer(parts, replace(runtime, loaders=loaders), model, rows)
        assert np.abs(answered.arrays["boxes"][0] - box).max() < (min(size) / SHORT_SIDE if name == "f.jpg" else 1)
