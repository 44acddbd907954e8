"""What an encoder promises that hides parts of its inputs from itself: `check_masked`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from autosft.contracts.masking import Masked, MaskingEncoder
from autosft.contracts.tensors import Encoder

FRACTION = 0.5


def check_masked(encoder: Encoder, hides: str, inputs: Any) -> None:
    """It is a `MaskingEncoder`; one seed hides the same; what it gives has the shapes that it announces; and what is
    hidden was not seen.

    Args:
        encoder: In evaluation mode.
        hides: `"tokens"` or `"values"`; of tokens it is not checked what was seen, since some stay as they are.
        inputs: Of two rows or more.
    """
    assert isinstance(encoder, MaskingEncoder), f"its info says that it hides {hides}: derive it from MaskingEncoder"
    first, again = _masked(encoder, inputs), _masked(encoder, inputs)
    assert torch.equal(first.encoded, again.encoded) and torch.equal(first.targets, again.targets), (
        "the same generator must hide the same"
    )
    assert first.encoded.shape == (len(first.targets), encoder.place_width) and len(first.targets)
    assert first.encoded.requires_grad and not first.targets.requires_grad
    if hides == "tokens":
        vocabulary = len(encoder.token_embeddings())
        assert first.targets.dtype == torch.int64 and first.targets.ndim == 1 and not encoder.place_numbers
        assert int(first.targets.min()) >= 0 and int(first.targets.max()) < vocabulary
        return
    assert first.targets.shape == (len(first.encoded), encoder.place_numbers) and first.targets.is_floating_point()
    _check_unseen(encoder, inputs, first)


def _check_unseen(encoder: MaskingEncoder, inputs: Any, first: Masked) -> None:
    """What has no influence on what was made of the hidden places may be anything."""
    tensors: list[Tensor] = [one.clone().requires_grad_() for one in (inputs if isinstance(inputs, list) else [inputs])]
    draw = torch.Generator().manual_seed(0)
    encoded = _masked(encoder, tensors if isinstance(inputs, list) else tensors[0]).encoded
    (encoded * torch.rand(encoded.shape, generator=draw)).sum().backward()
    unseen = [one.grad == 0 if one.grad is not None else torch.ones_like(one, dtype=torch.bool) for one in tensors]
    assert any(bool(one.any()) for one in unseen), "nothing is hidden: all of the inputs have influence"
    changed = [
        torch.where(hidden, torch.randn(one.shape, generator=draw), one).detach()
        for one, hidden in zip(tensors, unseen, strict=True)
    ]
    other = _masked(encoder, changed if isinstance(inputs, list) else changed[0])
    torch.testing.assert_close(other.encoded, first.encoded, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(other.targets, first.targets), "what is hidden is not what is asked for"


def _masked(encoder: MaskingEncoder, inputs: Any) -> Masked:
    return encoder.masked(inputs, FRACTION, torch.Generator().manual_seed(1))
