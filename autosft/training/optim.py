"""Optimizer and schedule: AdamW (Loshchilov and Hutter, 2019), linear warm-up, then cosine decay to zero."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch


def optimizer_for(parameters: Sequence[Mapping[str, Any]]) -> torch.optim.Optimizer:
    """AdamW over parameter groups, each with its own `lr` and `weight_decay`."""
    groups = [{**group, "peak": group["lr"]} for group in parameters]
    # fused: on a CPU five times as fast for the large embeddings of texts, where a step would else cost a tenth more
    return torch.optim.AdamW(groups, fused=True)


def set_rate(optimizer: torch.optim.Optimizer, step: int, steps: int, warmup: float) -> None:
    """Give every group its learning rate for step `step` of `steps`. No state: a resumed stage needs only the step."""
    rising = max(1, round(warmup * steps))
    if step < rising:
        share = (step + 1) / rising
    else:
        share = 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * share
