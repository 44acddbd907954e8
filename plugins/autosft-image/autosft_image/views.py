"""Views: from a decoded image to what an encoder takes. Knows neither files nor encoders.

Images are resized as 8-bit tensors: as exact as Pillow to a gray level, and faster.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from autosft.api import Example, Inputs, Meta, State, Strength
from autosft_image.augmentation import (
    Change,
    Cutout,
    RandomCrop,
    Size,
    Step,
    rand_augment,
    random_mirror,
    trivial_augment,
)

_ENLARGE = 4
"""Enlarging further adds cost and no information."""

_LEAST, _STEP = 64, 32
"""Convolutions halve the side five times: sides are multiples of 32. At 32 itself one cell of the map would be left.
Transformers say in their options what their patches ask for."""


@dataclass(frozen=True)
class Placing:
    """A point of an image at x is at x * scale_x + shift_x in what is shown, and its y likewise."""

    scale_x: float
    scale_y: float
    shift_x: float
    shift_y: float


POLICIES: Mapping[str, Step] = {"trivialaugment": trivial_augment, "randaugment": rand_augment}


def side_for(inputs: Inputs, state: State, fraction: float = 1.0) -> int:
    """The side in pixels at which an encoder sees these images.

    Args:
        inputs: What the encoder is fed, and whether it takes one size alone.
        state: What was learned of the images.
        fraction: Of the side that would be right where time did not matter.
    """
    native = int(inputs.options["size"][-1])
    if inputs.options.get("fixed"):
        return native
    least, step = int(inputs.options.get("least", _LEAST)), int(inputs.options.get("step", _STEP))
    median = state.values.get("side")
    side = min(native, max(least, step * math.ceil(_ENLARGE * median / step))) if median else native
    return side if fraction == 1.0 else min(side, max(least, step * round(fraction * side / step)))


def middle_of(inputs: Inputs, side: int) -> int:
    """The short side in pixels of an image of which the middle is shown at this side."""
    return math.floor(side / float(inputs.options.get("crop_pct", 1.0)))


def image_view(
    inputs: Inputs, side: int, *, strength: Strength, flip: bool, policy: str, squash: bool = False
) -> ImageView:
    """The view of one strength.

    `"none"` shows the middle of the image, or if it is squashed, all of it. `"light"` crops at random and mirrors
    where `flip` allows it; `"strong"` adds random changes of color or shape as one of `POLICIES` says, and then fills a
    square with the mean color.
    """
    from torchvision.transforms import v2

    options = inputs.options
    filter_ = (
        v2.InterpolationMode.BILINEAR if options.get("interpolation") == "bilinear" else v2.InterpolationMode.BICUBIC
    )
    if strength == "none":
        whole = _Squash(side, filter_) if squash else _Middle(side, middle_of(inputs, side), filter_)
        return ImageView([whole], options["mean"], options["std"], whole.placing)
    steps: list[Step] = [_Squash(middle_of(inputs, side), filter_)] if squash else []
    steps.append(RandomCrop(side, filter_))
    if flip:
        steps.append(random_mirror)
    if strength == "strong":
        steps += [POLICIES[policy], Cutout(options["mean"])]
    return ImageView(steps, options["mean"], options["std"])


@final
class ImageView:
    """Some steps on an 8-bit tensor, then normalization.

    Args:
        steps: The steps.
        mean, std: Of each channel, from 0 to 1.
        placing: Where what the steps show of an image lies, if it is always the same.
    """

    def __init__(
        self, steps: Sequence[Step], mean: Any, std: Any, placing: Callable[[Size], Placing] | None = None
    ) -> None:
        self._steps, self._placing = steps, placing
        self._shift = np.array(mean, dtype=np.float32).reshape(3, 1, 1) * 255
        self._scale = np.array(std, dtype=np.float32).reshape(3, 1, 1) * 255

    def __call__(self, example: Example, generator: np.random.Generator) -> Example:
        """From uint8 (height, width, 3) to float32 (3, side, side). Targets that torchvision knows, such as
        `BoundingBoxes`, are moved as the picture is."""
        import torch
        from torchvision.tv_tensors import TVTensor

        sample: npt.NDArray[np.uint8] = example.inputs
        # torch warns of arrays that it may not write to, such as those of a cache
        pixels = torch.from_numpy(sample if sample.flags.writeable else sample.copy()).permute(2, 0, 1)
        targets = example.targets
        for step in self._steps:
            change = step((pixels.shape[-2], pixels.shape[-1]), generator)
            pixels = change(pixels)
            targets = tuple(change(target) if isinstance(target, TVTensor) else target for target in targets)
        # numpy, because torch would share these few numbers out among threads: 1 ms becomes 30 on a busy machine
        values = np.ascontiguousarray(pixels.numpy(), dtype=np.float32)
        values -= self._shift
        values /= self._scale
        meta = {**example.meta, **self._placed(sample.shape[:2], example.meta)}
        return Example(torch.from_numpy(values), targets, meta)

    def _placed(self, size: Size, meta: Meta) -> Meta:
        """Where points of the file, which may have been reduced to this size, are in the view."""
        if self._placing is None:
            return {}
        placing = self._placing(size)
        return {
            "scale_x": placing.scale_x * size[1] / meta.get("width", size[1]),
            "scale_y": placing.scale_y * size[0] / meta.get("height", size[0]),
            "shift_x": placing.shift_x,
            "shift_y": placing.shift_y,
        }


@final
class _Squash:
    """Resize to a square, whatever the sides were."""

    def __init__(self, side: int, interpolation: Any) -> None:
        self._side, self._interpolation = side, interpolation

    def __call__(self, _: Size, __: np.random.Generator) -> Change:
        from torchvision.transforms.v2 import functional

        size, way = [self._side, self._side], self._interpolation
        return lambda seen: functional.resize(seen, size, interpolation=way, antialias=True)

    def placing(self, size: Size) -> Placing:
        """Where the points of an image of this size are."""
        return Placing(self._side / size[1], self._side / size[0], 0.0, 0.0)


@final
class _Middle:
    """Resize the short side, then cut out the middle."""

    def __init__(self, side: int, short: int, interpolation: Any) -> None:
        self._side, self._short, self._interpolation = side, short, interpolation

    def __call__(self, size: Size, _: np.random.Generator) -> Change:
        from torchvision.transforms.v2 import functional

        (height, width), (down, across) = self._sides(size)
        (top, left), (above, before) = self._cuts(size)
        side, way = self._side, self._interpolation

        def change(seen: Any) -> Any:
            if (height, width) != size:
                seen = functional.crop(seen, top, left, height, width)
            seen = functional.resize(seen, [down, across], interpolation=way, antialias=True)
            return functional.crop(seen, above, before, side, side)

        return change

    def placing(self, size: Size) -> Placing:
        """Where the points of an image of this size are."""
        (height, width), (down, across) = self._sides(size)
        (top, left), (above, before) = self._cuts(size)
        scale_y, scale_x = down / height, across / width
        return Placing(scale_x, scale_y, -left * scale_x - before, -top * scale_y - above)

    def _sides(self, size: Size) -> tuple[Size, Size]:
        """Height and width of what is resized: a long strip would become huge, and its ends are cut off anyway. And of
        what that is resized to."""
        short = min(size)
        height, width = (min(length, 2 * short) for length in size)
        down, across = (self._short * length // short for length in (height, width))
        return (height, width), (down, across)

    def _cuts(self, size: Size) -> tuple[Size, Size]:
        """How much is cut off above and at the left, before it is resized and after; rounded as torchvision does."""
        part, resized = self._sides(size)
        height, width = (round((whole - length) / 2) for whole, length in zip(size, part, strict=True))
        above, before = (round((whole - self._side) / 2) for whole in resized)
        return (height, width), (above, before)
