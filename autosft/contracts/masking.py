"""`MaskingEncoder`: an encoder that can hide parts of its inputs from itself, and `Masked`, what it made of the rest.

For masked modelling: an encoder is trained without targets to tell what stood where something was hidden. Only the
encoder knows what its places are, as it is what cuts a text into tokens or a picture into patches.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

from torch import Generator, Tensor

from autosft.contracts.tensors import Encoder


@dataclass(frozen=True)
class Masked:
    """The hidden places of some rows, in one list.

    Attributes:
        encoded: What the encoder made of each, without having seen it, shape (hidden, `place_width`).
        targets: What stands there: numbers of tokens, int64 of shape (hidden,), or values, shape (hidden,
            `place_numbers`).
    """

    encoded: Tensor
    targets: Tensor


class MaskingEncoder(Encoder):
    """An encoder that `BackboneInfo.hides` is said of.

    Attributes:
        place_width: The width of what it makes of a place.
        place_numbers: How many values stand at a place; 0 where that is a token.
    """

    place_width: int
    place_numbers: int = 0

    @abstractmethod
    def masked(self, inputs: Any, fraction: float, generator: Generator) -> Masked:
        """Encode a batch of which some places are hidden.

        Args:
            inputs: As `forward` takes them.
            fraction: About how many of the places are hidden. An encoder that can say of any place what it makes of all
                others, such as an LSTM from both sides, hides nothing and may give all places.
            generator: What is drawn comes from it; on the CPU.
        """

    def token_embeddings(self) -> Tensor:
        """What stands for each token in the encoder's first layer, shape (tokens, width): a decoder shares it (Press
        and Wolf, 2017). Only where places hold tokens."""
        raise NotImplementedError(f"the places of {type(self).__name__} hold no tokens")
