"""`MaskedLanguageModel` and `MaskedAutoencoder`: an encoder tells what stood where something was hidden from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, final

from autosft.api import BackboneInfo, Facts, Float, Problem, Space, Trial
from autosft_pretraining.pretraining import Pretraining, rates

if TYPE_CHECKING:
    from autosft.api.tensors import Encoder
    from autosft_pretraining.objective import Objective


@final
class MaskedLanguageModel(Pretraining):
    """Masked language modelling (BERT: Devlin et al., 2019): a fraction of the tokens is hidden and told from the rest,
    by a decoder that shares the encoder's embeddings. Going on so from pretrained weights adapts them to the texts at
    hand (Gururangan et al., 2020)."""

    name, prior = "mlm", 0.6
    space: ClassVar[Space] = {
        "fraction": Float(0.1, 0.4, default=0.15, doc="fraction of the tokens that are hidden"),
        **rates(passes=10, lr=1e-3),
    }

    def accepts(self, facts: Facts, info: BackboneInfo, problems: Sequence[Problem]) -> str:
        """Encoders that can hide tokens from themselves."""
        unfit = super().accepts(facts, info, problems)
        return unfit or ("" if info.hides == "tokens" else "it cannot hide tokens from itself")

    def objective(self, trial: Trial, encoder: Encoder) -> Objective:
        """A decoder of tokens."""
        from autosft_pretraining.decoders import TokenDecoder

        return TokenDecoder(encoder, float(trial.parts.recipe.of(self.name)["fraction"]))


@final
class MaskedAutoencoder(Pretraining):
    """Masked modelling with values for targets: patches of a picture or stretches of a sound are hidden, and told by a
    linear layer from what the encoder makes of their places. That is the form of the masked autoencoder (He et al.,
    2022) that fits convolutions and transformers alike (SimMIM: Xie et al., 2022)."""

    name, prior, optional = "mae", 0.4, True
    views = ("light",)
    space: ClassVar[Space] = {
        "fraction": Float(0.3, 0.8, default=0.5, doc="fraction of the places that are hidden"),
        **rates(passes=20),
    }

    def accepts(self, facts: Facts, info: BackboneInfo, problems: Sequence[Problem]) -> str:
        """Encoders that can hide values from themselves."""
        unfit = super().accepts(facts, info, problems)
        return unfit or ("" if info.hides == "values" else "it cannot hide patches or frames from itself")

    def objective(self, trial: Trial, encoder: Encoder) -> Objective:
        """A decoder of values."""
        from autosft_pretraining.decoders import ValueDecoder

        return ValueDecoder(encoder, float(trial.parts.recipe.of(self.name)["fraction"]))
