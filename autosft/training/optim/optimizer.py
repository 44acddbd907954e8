"""The optimizer: AdamW (Loshchilov and Hutter, 2019)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch


def optimizer_for(parameters: Sequence[Mapping[str, Any]]) -> torch.optim.Optimizer:
    """AdamW over parameter groups, each with its own `lr` and `weight_decay`."""
    groups = [{**group, "peak": group["lr"]} for group in parameters]
    # fused: on a CPU five times as fast for the large embeddings of texts, where a step would else cost a tenth more
    return torch.optim.AdamW(groups, fused=True)
