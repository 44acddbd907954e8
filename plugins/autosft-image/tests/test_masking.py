"""Which pixels encoders of images hide from themselves, and what they are asked for."""

import pytest
import torch

from autosft.api import BadInput, Recipe, State
from autosft_image.describe import describe
from autosft_image.timm_family import TimmFamily


def built(architecture, side=64):
    info = describe(architecture, {"input_size": (3, side, side)}, {"architecture": architecture})
    return TimmFamily().build(info, Recipe(backbone="b", strategy="s"), State(), None).eval()


@pytest.mark.parametrize("architecture, stride", [("test_resnet", 32), ("test_vit", 16)])
def test_a_fraction_of_the_patches_of_each_image_is_hidden_and_asked_for_in_small(architecture, stride, monkeypatch):
    encoder, images, shown = built(architecture), torch.randn(3, 3, 64, 64), []
    monkeypatch.setattr(
        encoder, "forward", lambda inputs: shown.append(inputs) or type(encoder).forward(encoder, inputs)
    )
    masked = encoder.masked(images, 0.5, torch.Generator().manual_seed(0))

    patches = images.unfold(2, stride, stride).unfold(3, stride, stride).permute(0, 2, 3, 1, 4, 5)
    hidden = (shown[0].unfold(2, stride, stride).unfold(3, stride, stride) == 0).all(1).all(-1).all(-1)
    half = (64 // stride) ** 2 // 2
    assert hidden.sum((1, 2)).tolist() == [half] * 3
    assert int((shown[0] != images).sum()) == 3 * half * 3 * stride**2
    small = torch.nn.functional.adaptive_avg_pool2d(patches[hidden], 8).flatten(1)
    torch.testing.assert_close(masked.targets, small)
    assert masked.encoded.shape == (3 * half, encoder.place_width)


def test_tokens_that_are_no_patches_are_refused():
    encoder = built("test_vit")
    with pytest.raises(BadInput, match="not the 14 x 14 patches"):
        encoder._places({"tokens": torch.zeros(1, 5, 384)}, 14, 14)
