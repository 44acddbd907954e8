"""Which tokens are hidden for masked language modelling. Imported by encoders alone."""

from __future__ import annotations

import torch  # noqa: TID253
from torch import Generator, Tensor  # noqa: TID253

_MASKED, _RANDOM = 0.8, 0.1
"""Of the chosen tokens so many are replaced by the mask, and by any token; the rest stays, since there will be no masks
in what the encoder reads later (BERT: Devlin et al., 2019)."""


def chosen_tokens(places: Tensor, fraction: float, generator: Generator) -> Tensor:
    """Where a fraction of the places is that tokens may be asked for at, and one place at least if there is any.

    Args:
        places: Where tokens may be chosen, shape (texts, length).
        fraction: Of these.
        generator: What is drawn comes from it.
    """
    draw = torch.rand(places.shape, generator=generator).masked_fill(~places, 2.0)
    return places & (draw <= torch.clamp(draw.min(), min=fraction))


def corrupted(numbers: Tensor, chosen: Tensor, mask: int, vocabulary: int, generator: Generator) -> Tensor:
    """The numbers of tokens with the chosen ones replaced, eight of ten by the mask, one by any token, one by itself.

    Args:
        numbers: Shape (texts, length).
        chosen: Which of them.
        mask: The number of the mask.
        vocabulary: How many tokens there are.
        generator: What is drawn comes from it.
    """
    draw = torch.rand(numbers.shape, generator=generator)
    others = torch.randint(vocabulary, numbers.shape, generator=generator)
    shown = numbers.masked_fill(chosen & (draw < _MASKED), mask)
    return torch.where(chosen & (draw >= _MASKED) & (draw < _MASKED + _RANDOM), others, shown)
