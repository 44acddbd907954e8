"""`ImageModality`: images in folders by class, or named by a table. Knows no backbone and no problem."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from autosft.api import (
    Choice,
    Hints,
    InferredTask,
    Inputs,
    Mix,
    Modality,
    Preview,
    Read,
    Recipe,
    Row,
    Rows,
    Sample,
    Scan,
    Space,
    State,
    Strength,
    Task,
    Unreadable,
    View,
)
from autosft.api.inputs import collect_files, recognize_files, scan_files
from autosft_image.files import IMAGES
from autosft_image.reading import read_rgb, sides_of, thumbnail
from autosft_image.views import POLICIES, side_for

if TYPE_CHECKING:
    from torch import Tensor

RESOLUTIONS = (1.0, 0.7, 0.5)
"""Fractions of the full side. All or none: a study allows a parameter no other choices for another encoder."""

CROP_MODES = ("squash", "center")
"""How long images become square: squashed, or by their middle alone, which is usual (the names are timm's). What
matters may lie at their ends, so they are squashed first."""

_LONG = 1.75
"""Images are long if a tenth of them are longer than wide by more than this. Of others, such as photographs of 3:2, the
middle is nearly always the better view (benchmarks/README.md), and there is no choice."""

_MEASURED = 256
"""Rows whose size is looked at; more would hardly move a median."""


@final
class ImageModality(Modality):
    """Images: JPEG, PNG, WebP, TIFF, GIF, BMP, AVIF, JPEG 2000, PPM, QOI, ICO.

    An encoder of images is fed `Inputs(kind="image", options=…)`. What it gets is float32, shape (rows, 3, side, side).
    The options:

    - `size`: channels, height and width in pixels, such as `[3, 224, 224]`. The last one is the largest side. Needed.
    - `mean`, `std`: mean and standard deviation of each of the three channels, on a scale from 0 to 1. Needed.
    - `interpolation`: `"bicubic"`, which is the default, or `"bilinear"`.
    - `crop_pct`: where the middle is shown, the short side of an image is resized to `side / crop_pct` pixels, and cut
      to `side`. By default 1.0: nothing of the short side is cut off.
    - `fixed`: true if the encoder takes no other side than `size` says. By default false: images that are much smaller
      are shown smaller, and `image.resolution` in the recipe reduces the side.
    - `step`: unless `fixed`, smaller sides are multiples of so many pixels; 32 by default.
    - `least`: unless `fixed`, no side is smaller than so many pixels; 64 by default.
    """

    name = "image"
    kinds = frozenset({"image"})
    space: ClassVar[Space] = {
        "resolution": Choice(RESOLUTIONS, doc="side of the image, as a fraction of the encoder's usual one"),
        "crop_mode": Choice(CROP_MODES, doc="how long images become square"),
    }
    augmentation: ClassVar[Space] = {
        # a mirrored digit or letter is another one, or none
        "flip": Choice((True, False), doc="whether training images are mirrored at random"),
        "policy": Choice(tuple(POLICIES), doc="how colors and shapes of training images are changed"),
    }

    def space_for(self, inputs: Inputs, state: State) -> Space:
        """No choice of resolution where an encoder takes one size alone, or images are so small that some of the
        resolutions would be the same; and none of how they become square unless many are long."""
        sides = {side_for(inputs, state, float(fraction)) for fraction in RESOLUTIONS}
        long = state.values.get("long", 1.0) > _LONG
        meant = {"resolution": len(sides) == len(RESOLUTIONS), "crop_mode": long}
        return {name: parameter for name, parameter in self.space.items() if meant[name]}

    def relative_cost(self, inputs: Inputs, recipe: Recipe, state: State) -> float:
        """The number of pixels, as a fraction of those at full resolution."""
        return (side_for(inputs, state, self._resolution(recipe)) / side_for(inputs, state)) ** 2

    def mixes(self, inputs: Inputs) -> frozenset[Mix]:
        """In both ways."""
        return frozenset({"mixup", "cutmix"})

    def recognize(self, path: Path, hints: Hints = Hints()) -> InferredTask | None:
        """Recognize a table with a column of paths, or a folder with a subfolder of images per class."""
        return recognize_files(path, IMAGES, self.name, hints)

    def scan(self, task: Task) -> Scan:
        """Decode every image once and list those that can be read."""
        return scan_files(task, IMAGES)

    def collect(self, inputs: Sequence[Any], task: Task) -> Scan:
        """Paths of images, of tables that name some, folders of images (all below, sorted), Pillow images, or uint8
        arrays of shape (height, width, 3)."""
        wanted = "a path, a Pillow image or a uint8 array of shape (height, width, 3)"
        return collect_files(inputs, task, IMAGES, take=_image_of, wanted=wanted)

    def read(self, row: Row) -> Sample:
        """8-bit RGB, shape (height, width, 3), upright; a short side above 384 pixels is reduced to 384. What is known
        beside is the `height` and `width` that the upright image had before."""
        try:
            pixels, (height, width) = read_rgb(row.ref)
        except Unreadable as error:
            raise Unreadable(f"{row.id}: {error}") from error
        return Sample(pixels, {"height": height, "width": width})

    def preview(self, row: Row) -> Preview:
        """A thumbnail, and the name of the file."""
        name = Path(row.ref).name if isinstance(row.ref, str) else row.id
        return Preview(name, thumbnail(self.read(row).data))

    def digest(self, row: Row) -> str:
        """Of the file's bytes; empty if the file cannot be read."""
        try:
            with Path(row.ref).open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError:
            return ""

    def version(self) -> str:
        """Pillow's and torchvision's, and its own."""
        return f"{metadata.version('pillow')} {metadata.version('torchvision')} 1"

    def fit(self, rows: Rows, read: Read) -> State:
        """The median short side in pixels, so that views need not enlarge without end; and how many times as long their
        long sides are, at most but for a tenth of them."""
        sides: list[tuple[int, int]] = []
        for index in np.unique(np.linspace(0, len(rows) - 1, min(_MEASURED, len(rows))).astype(int)):
            try:
                sides.append(sides_of(rows[int(index)].ref))
            except Unreadable:  # a file that has gone since the scan is reported by whoever reads it
                continue
        if not sides:
            return State()
        short, long = np.array(sides, dtype=np.float64).T
        return State({"side": int(np.median(short)), "long": round(float(np.quantile(long / short, 0.9)), 3)})

    def view(self, inputs: Inputs, recipe: Recipe, state: State, *, strength: Strength) -> View:
        """From a decoded image to a normalized float32 tensor, shape (3, side, side). A view of strength `"none"` adds
        `scale_x`, `scale_y`, `shift_x` and `shift_y`: a point at x in the file is at x * scale_x + shift_x in it."""
        from autosft_image.views import image_view

        own, side = recipe.of(self.name), side_for(inputs, state, self._resolution(recipe))
        flip, policy = bool(own.get("flip", True)), str(own.get("policy", next(iter(POLICIES))))
        return image_view(inputs, side, strength=strength, flip=flip, policy=policy, squash=self._squashes(recipe))

    def preparation(self, inputs: Inputs, recipe: Recipe, state: State) -> Mapping[str, Any]:
        """Sizes in pixels, and how values are scaled."""
        from autosft_image.views import middle_of

        side = side_for(inputs, state, self._resolution(recipe))
        middle = {
            "at_most_twice_as_long_as_wide": "the ends of longer images are cut off",
            "resize_short_side": middle_of(inputs, side),
            "center_crop": [side, side],
        }
        return {
            "channels": "RGB, 8 bits, upright",
            **({"resize": [side, side]} if self._squashes(recipe) else middle),
            "interpolation": inputs.options.get("interpolation", "bicubic"),
            "antialias": True,
            "divide_by": 255,
            "mean": list(inputs.options["mean"]),
            "std": list(inputs.options["std"]),
            "axes": "batch, channel, height, width",
        }

    def _resolution(self, recipe: Recipe) -> float:
        return float(recipe.of(self.name).get("resolution", 1.0))

    def _squashes(self, recipe: Recipe) -> bool:
        return recipe.of(self.name).get("crop_mode") == "squash"

    def collate(self, samples: Sequence[Tensor]) -> Tensor:
        """One tensor, shape (rows, 3, side, side)."""
        import torch

        return torch.stack(list(samples))


def _image_of(given: Any) -> Any | None:
    """What was given, if it is an image."""
    from PIL import Image

    if isinstance(given, np.ndarray):
        return given if given.dtype == np.uint8 and given.ndim == 3 and given.shape[2] == 3 and given.size else None
    return given if isinstance(given, Image.Image) else None
