"""The schedule: linear warm-up, then cosine decay to zero (Loshchilov and Hutter, 2017), or a rate that stays."""

from __future__ import annotations

import math

import torch

from autosft.contracts.recipe import Optim


def set_rate(optimizer: torch.optim.Optimizer, step: int, steps: int, optim: Optim) -> None:
    """Give every group its learning rate for step `step` of `steps`. No state: a resumed stage needs only the step."""
    rising = max(1, round(optim.warmup * steps))
    if step < rising:
        fraction = (step + 1) / rising
    elif optim.schedule == "constant":
        fraction = 1.0
    else:
        fraction = 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * fraction
