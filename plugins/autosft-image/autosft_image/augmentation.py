"""How pictures are changed at random while training: crops, mirror images, and two policies of changes.

Everything random is drawn from the generator that a view is given. torchvision's own random transforms draw from
torch's global one, which loading threads would share (pytorch/vision#7027): what they draw is drawn here, and its
functions do the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

Step = Callable[["Tensor", np.random.Generator], "Tensor"]
"""From 8-bit pixels, shape (3, height, width), to others."""

_CROP_SCALE = (0.5, 1.0)
"""Share of the area that a training crop keeps. The usual 0.08 (Szegedy et al., 2015) is made for a million photos:
with a few hundred, crops that miss the object are wrong labels."""

_CROP_RATIO = (3 / 4, 4 / 3)

_CROPS = 10
"""So many crops are drawn until one lies within the picture."""

_STRENGTHS = 30
"""TrivialAugment draws a strength of 0 to so many."""


@dataclass(frozen=True)
class Limits:
    """The strongest changes of a policy.

    Attributes:
        shear: The tangent of the angle.
        pixels, sides: How far a picture is moved: in pixels, and in addition as a share of its side.
        degrees: How far it is turned.
        color: How much brighter or darker, more or less colored, sharper and so on it becomes, as a share.
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

    def __call__(self, pixels: Tensor, generator: np.random.Generator) -> Tensor:
        """Of shape (3, side, side)."""
        from torchvision.transforms.v2 import functional

        top, left, height, width = _crop(pixels.shape[-2], pixels.shape[-1], generator)
        return functional.resized_crop(pixels, top, left, height, width, [self._side, self._side], self._interpolation)


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


def random_mirror(pixels: Tensor, generator: np.random.Generator) -> Tensor:
    """The picture or its mirror image."""
    from torchvision.transforms.v2 import functional

    return functional.horizontal_flip(pixels) if generator.random() < 0.5 else pixels


def trivial_augment(pixels: Tensor, generator: np.random.Generator) -> Tensor:
    """One change, as strong as chance has it (Müller and Hutter, 2021)."""
    return _changed(pixels, generator, int(generator.integers(_STRENGTHS + 1)) / _STRENGTHS, WIDE)


def rand_augment(pixels: Tensor, generator: np.random.Generator) -> Tensor:
    """Two changes of the middling strength that torchvision gives them (Cubuk et al., 2020)."""
    for _ in range(2):
        pixels = _changed(pixels, generator, 0.3, MIDDLING)
    return pixels


def _changed(pixels: Tensor, generator: np.random.Generator, strength: float, limits: Limits) -> Tensor:
    """One change, drawn from all; what has two directions goes in one of them."""
    name = CHANGES[int(generator.integers(len(CHANGES)))]
    return change(name, pixels, strength, 1 if generator.random() < 0.5 else -1, limits)


def change(name: str, pixels: Tensor, strength: float, sign: int, limits: Limits) -> Tensor:
    """A picture with one of `CHANGES`.

    Args:
        name: Which.
        pixels: 8 bits, shape (3, height, width).
        strength: From 0, which changes nothing, to 1, which is as far as the limits go.
        sign: 1 or -1, the direction.
        limits: Those of the policy.
    """
    from torchvision.transforms import v2
    from torchvision.transforms.v2 import functional

    signed, smooth = sign * strength, v2.InterpolationMode.BILINEAR
    if name.startswith("shear"):
        angle = math.degrees(math.atan(signed * limits.shear))
        shear = [angle, 0.0] if name == "shear_x" else [0.0, angle]
        return functional.affine(pixels, 0.0, [0, 0], 1.0, shear, smooth, center=[0, 0])
    if name.startswith("translate"):
        height, width = pixels.shape[-2:]
        across = name == "translate_x"
        by = int(signed * (limits.pixels + limits.sides * (width if across else height)))
        return functional.affine(pixels, 0.0, [by, 0] if across else [0, by], 1.0, [0.0, 0.0], smooth)
    factor = 1.0 + signed * limits.color
    changes: dict[str, Callable[[], Tensor]] = {
        "identity": lambda: pixels,
        "auto_contrast": lambda: functional.autocontrast(pixels),
        "equalize": lambda: functional.equalize(pixels),
        "posterize": lambda: functional.posterize(pixels, 8 - round(strength * limits.bits)),
        "solarize": lambda: functional.solarize(pixels, 255.0 * (1 - strength)),
        "brightness": lambda: functional.adjust_brightness(pixels, factor),
        "color": lambda: functional.adjust_saturation(pixels, factor),
        "contrast": lambda: functional.adjust_contrast(pixels, factor),
        "sharpness": lambda: functional.adjust_sharpness(pixels, factor),
        "rotate": lambda: functional.rotate(pixels, signed * limits.degrees, smooth),
    }
    return changes[name]()
