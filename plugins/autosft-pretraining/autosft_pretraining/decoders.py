"""Decoders of masked modelling: `TokenDecoder` and `ValueDecoder`. They need torch."""

from __future__ import annotations

from typing import final

import torch  # noqa: TID253 - only methods of strategies import this file
from torch import Tensor, nn  # noqa: TID253
from torch.nn import functional  # noqa: TID253

from autosft.api import BadInput
from autosft.api.tensors import Batch, Encoder, MaskingEncoder
from autosft_pretraining.objective import Objective, drawn_generator


def masking(encoder: Encoder) -> MaskingEncoder:
    """The encoder as one that hides parts of its inputs from itself.

    Raises:
        BadInput: It is none, whatever its `BackboneInfo.hides` says.
    """
    if not isinstance(encoder, MaskingEncoder):
        raise BadInput("its encoder is no MaskingEncoder")
    return encoder


@final
class TokenDecoder(Objective):
    """A linear layer, GELU and layer norm, then the encoder's own embeddings (Devlin et al., 2019; Press and Wolf,
    2017), over all tokens of the vocabulary.

    Args:
        encoder: Whose embeddings are shared; they learn as weights of the encoder.
        fraction: Of the tokens to hide.
    """

    def __init__(self, encoder: Encoder, fraction: float) -> None:
        super().__init__()
        vocabulary, width = masking(encoder).token_embeddings().shape
        self._fraction = fraction
        self.transform = nn.Sequential(nn.Linear(masking(encoder).place_width, width), nn.GELU(), nn.LayerNorm(width))
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, encoder: Encoder, batch: Batch) -> Tensor:
        """The mean cross-entropy of the hidden tokens; 0 if none could be hidden."""
        masked = masking(encoder).masked(batch.inputs, self._fraction, drawn_generator())
        scores = functional.linear(self.transform(masked.encoded), masking(encoder).token_embeddings(), self.bias)
        return functional.cross_entropy(scores.float(), masked.targets, reduction="sum") / max(1, len(masked.targets))


@final
class ValueDecoder(Objective):
    """A linear layer from a place to its values, which are compared at mean 0 and variance 1 over the place (He et al.,
    2022): its contrasts count, and not how bright or loud it is.

    Args:
        encoder: What is decoded.
        fraction: Of the places to hide.
    """

    def __init__(self, encoder: Encoder, fraction: float) -> None:
        super().__init__()
        self._fraction = fraction
        self.linear = nn.Linear(masking(encoder).place_width, masking(encoder).place_numbers)

    def forward(self, encoder: Encoder, batch: Batch) -> Tensor:
        """The mean squared error over the hidden places; 0 if none could be hidden."""
        masked = masking(encoder).masked(batch.inputs, self._fraction, drawn_generator())
        wanted = functional.layer_norm(masked.targets, masked.targets.shape[1:], eps=1e-3)
        told = self.linear(masked.encoded).float()
        return functional.mse_loss(told, wanted, reduction="sum") / max(1, wanted.numel())
