"""How pictures are changed at random while training: crops, mirror images, two policies of changes, and cutout.

Everything random is drawn from the generator that a view is given. torchvision's own random transforms draw from
torch's global one, which loading threads would share (pytorch/vision#7027): what they draw is drawn here, and its
functions do the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

Change = Callable[[Any], Any]
"""From 8-bit pixels, shape (3, height, width), to others; and from what torchvision knows beside pixels, such as
`BoundingBoxes`, to where they are then."""

Size = tuple[int, int]
"""Height and width in pixels."""

Step = Callable[[Size, np.random.Generator], Change]
"""From the size of a picture, and what is drawn, to a change of it."""

_CROP_SCALE = (0.5, 1.0)
"""Fraction of the area that a training crop keeps. The usual 0.08 (Szegedy et al., 2015) is made for a million photos:
with a few hundred, crops that miss the object are wrong labels."""

_CROP_RATIO = (3 / 4, 4 / 3)

_CROPS = 10
"""So many crops are drawn until one lies within the picture."""

_CUT = 0.5
"""The largest side of what is cut out, as a fraction of the picture's shorter one (as for FixMatch: Sohn et al., 2020).
"""

_STRENGTHS = 30
"""TrivialAugment draws a strength of 0 to so many."""


@dataclass(frozen=True)
class Limits:
    """The strongest changes of a policy.

    Attributes:
        shear: The tangent of the angle.
        pixels, sides: How far a picture is moved: in pixels, and in addition as a fraction of its side.
        degrees: How far it is turned.
        color: How much brighter or darker, more or less colored, sharper and so on it becomes, as a fraction.
        bits: How many of the 8 bits of a channel are lost.
    """

    shear: float
    pixels: float
    sides: float
    degrees: float
    color: float
    bits: int


WIDE = Limits(shear=0.99, pixels=32, sides=0.0, degrees=135, color=0.99, bits=6)
MIDDLING = Limits(shear=0.3, pixels=0, sides=150 / 331, degrees=30, color=0.9, bits=4)

CHANGES = (
    *("identity", "auto_contrast", "equalize", "posterize", "solarize", "brightness", "color", "contrast", "sharpness"),
    *("rotate", "shear_x", "shear_y", "translate_x", "translate_y"),
)


@final
class RandomCrop:
    """A part of the picture, resized to a square (Szegedy et al., 2015)."""

    def __init__(self, side: int, interpolation: Any) -> None:
        self._side, self._interpolation = side, interpolation

    def __call__(self, size: Size, generator: np.random.Generator) -> Change:
        """To the shape (3, side, side)."""
        from torchvision.transforms.v2 import functional

        top, left, down, across = _crop(*size, generator)
        square, way = [self._side, self._side], self._interpolation
        return lambda seen: functional.resized_crop(seen, top, left, down, across, square, way)


def _crop(height: int, width: int, generator: np.random.Generator) -> tuple[int, int, int, int]:
    """Top, left, height and width of a part of a picture; if none fits, its middle, as large as the ratios allow."""
    for _ in range(_CROPS):
        area = height * width * generator.uniform(*_CROP_SCALE)
        ratio = math.exp(generator.uniform(math.log(_CROP_RATIO[0]), math.log(_CROP_RATIO[1])))
        across, down = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < across <= width and 0 < down <= height:
            return int(generator.integers(height - down + 1)), int(generator.integers(width - across + 1)), down, across
    across, down = min(width, round(height * _CROP_RATIO[1])), min(height, round(width / _CROP_RATIO[0]))
    return (height - down) // 2, (width - across) // 2, down, across


def random_mirror(_: Size, generator: np.random.Generator) -> Change:
    """The picture or its mirror image."""
    from torchvision.transforms.v2 import functional

    return functional.horizontal_flip if generator.random() < 0.5 else _same


def _same(seen: Any) -> Any:
    return seen


def trivial_augment(size: Size, generator: np.random.Generator) -> Change:
    """One change, as strong as chance has it (Müller and Hutter, 2021)."""
    return _drawn(size, generator, int(generator.integers(_STRENGTHS + 1)) / _STRENGTHS, WIDE)


def rand_augment(size: Size, generator: np.random.Generator) -> Change:
    """Two changes of the middling strength that torchvision gives them (Cubuk et al., 2020)."""
    first, second = (_drawn(size, generator, 0.3, MIDDLING) for _ in range(2))
    return lambda seen: second(first(seen))


@final
class Cutout:
    """A square in one color anywhere in the picture, of which the edge may cut off a part (DeVries and Taylor, 2017).

    Args:
        color: Of the three channels, from 0 to 1, such as the mean that an encoder expects.
    """

    def __init__(self, color: Sequence[float]) -> None:
        self._color = [round(255 * channel) for channel in color]

    def __call__(self, size: Size, generator: np.random.Generator) -> Change:
        """Any side up to half of the picture's shorter one is as likely as any other."""
        import torch
        from torchvision import tv_tensors
        from torchvision.transforms.v2 import functional

        half = generator.uniform(0, _CUT) * min(size) / 2
        (top, bottom), (left, right) = (_span(generator.uniform(0, length), half, length) for length in size)
        color = torch.tensor(self._color, dtype=torch.uint8).reshape(3, 1, 1)

        def cut(seen: Any) -> Any:
            if isinstance(seen, tv_tensors.TVTensor) and not isinstance(seen, tv_tensors.Image):
                return seen
            return functional.erase(seen, top, left, bottom - top, right - left, color)

        return cut


def _span(middle: float, half: float, length: int) -> tuple[int, int]:
    """Where it begins and ends within a side of this length."""
    return max(0, round(middle - half)), min(length, round(middle + half))


def _drawn(size: Size, generator: np.random.Generator, strength: float, limits: Limits) -> Change:
    """One change, drawn from all; what has two directions goes in one of them."""
    name = CHANGES[int(generator.integers(len(CHANGES)))]
    sign = 1 if generator.random() < 0.5 else -1
    return lambda seen: change(name, seen, size, strength, sign, limits)


def change(name: str, seen: Any, size: Size, strength: float, sign: int, limits: Limits) -> Any:
    """A picture with one of `CHANGES`, or what torchvision knows beside its pixels.

    Args:
        name: Which.
        seen: 8 bits, shape (3, height, width), or such as `BoundingBoxes`, which colors do not change.
        size: Height and width of the picture.
        strength: From 0, which changes nothing, to 1, which is as far as the limits go.
        sign: 1 or -1, the direction.
        limits: Those of the policy.
    """
    from torchvision import tv_tensors
    from torchvision.transforms import v2
    from torchvision.transforms.v2 import functional

    signed, smooth = sign * strength, v2.InterpolationMode.BILINEAR
    if name.startswith("shear"):
        angle = math.degrees(math.atan(signed * limits.shear))
        shear = [angle, 0.0] if name == "shear_x" else [0.0, angle]
        return functional.affine(seen, 0.0, [0, 0], 1.0, shear, smooth, center=[0, 0])
    if name.startswith("translate"):
        across = name == "translate_x"
        by = int(signed * (limits.pixels + limits.sides * size[1 if across else 0]))
        return functional.affine(seen, 0.0, [by, 0] if across else [0, by], 1.0, [0.0, 0.0], smooth)
    if name == "rotate":
        return functional.rotate(seen, signed * limits.degrees, smooth)
    if name == "identity" or (isinstance(seen, tv_tensors.TVTensor) and not isinstance(seen, tv_tensors.Image)):
        return seen
    factor = 1.0 + signed * limits.color
    changes: dict[str, Callable[[], Tensor]] = {
        "auto_contrast": lambda: functional.autocontrast(seen),
        "equalize": lambda: functional.equalize(seen),
        "posterize": lambda: functional.posterize(seen, 8 - round(strength * limits.bits)),
        "solarize": lambda: functional.solarize(seen, 255.0 * (1 - strength)),
        "brightness": lambda: functional.adjust_brightness(seen, factor),
        "color": lambda: functional.adjust_saturation(seen, factor),
        "contrast": lambda: functional.adjust_contrast(seen, factor),
        "sharpness": lambda: functional.adjust_sharpness(seen, factor),
    }
    return changes[name]()
