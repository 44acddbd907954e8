"""From the vectors of tokens to one per text. Imported by encoders alone."""

from __future__ import annotations

import torch  # noqa: TID253
from torch import Tensor  # noqa: TID253

POOLINGS = ("mean", "first", "last", "max")


def pool(tokens: Tensor, mask: Tensor, how: str) -> Tensor:
    """One vector per text, shape (batch, width).

    Args:
        tokens: Shape (batch, length, width); what is there comes first.
        mask: True where there is a token, shape (batch, length); at least once per text.
        how: `"mean"`, `"first"`, `"last"` or `"max"`.
    """
    if how == "first":
        return tokens[:, 0]
    if how == "last":
        return tokens[torch.arange(len(tokens), device=tokens.device), mask.sum(1) - 1]
    there = mask[..., None]
    if how == "max":
        return tokens.masked_fill(~there, float("-inf")).amax(1)
    return (tokens * there).sum(1) / there.sum(1)
