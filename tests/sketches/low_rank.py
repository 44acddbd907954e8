"""The adapters of `lora`, apart from it: what is offered imports no torch."""

import torch
from torch import nn
from torch.nn.utils import parametrize


class LowRank(nn.Module):
    """A matrix and the product of two small ones."""

    def __init__(self, rows, columns, rank):
        super().__init__()
        self.left, self.right = nn.Parameter(torch.zeros(rows, rank)), nn.Parameter(torch.randn(rank, columns))

    def forward(self, weight):
        return weight + self.left @ self.right


def adapted(encoder, rank):
    """The adapters of all linear layers, when they are in place; all else is frozen."""
    encoder.requires_grad_(False)
    layers = [module for module in encoder.modules() if isinstance(module, nn.Linear)]
    for layer in layers:
        parametrize.register_parametrization(layer, "weight", LowRank(*layer.weight.shape, rank))
    return nn.ModuleList(layer.parametrizations.weight[0] for layer in layers)


def merge(encoder):
    """Ordinary layers again."""
    for module in encoder.modules():
        if parametrize.is_parametrized(module):
            parametrize.remove_parametrizations(module, "weight")
