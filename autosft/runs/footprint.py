"""What a trial takes of memory, roughly and rather too little: what is sure not to fit is left out before it is tried.

What fits or not is decided by the weights. Rows at once are no reason: where memory runs out they are halved. It is
found out without torch.
"""

from __future__ import annotations

import math
from typing import Any

from autosft.contracts.backbone import BackboneInfo
from autosft.contracts.strategy import Strategy
from autosft.data.memory import card_bytes, free_bytes
from autosft.host.registry import Registry
from autosft.runs.spec import SearchSpec

WORKER_BYTES = 0.5e9
"""A worker with its libraries, before it has built anything."""

FROZEN_BYTES, TRAINED_BYTES = 4, 16
"""Per weight: the weight alone; or with its gradient and AdamW's two moments."""


def hardware_of(registry: Registry, spec: SearchSpec) -> dict[str, Any]:
    """What a worker trains on and the bytes that it may use there: fields of `Facts`. None of it is known where workers
    do not run on this machine."""
    if not registry.executor(spec.executor).local:
        return {"device": "", "memory": None}
    processes = spec.workers * spec.processes_per_trial
    cards = card_bytes() if spec.device.startswith(("auto", "cuda")) else []
    if spec.device == "auto" and cards:
        return {"device": "cuda", "memory": min(cards) / math.ceil(processes / len(cards))}
    if spec.device.startswith("cuda"):
        number = int(spec.device.partition(":")[2] or 0)
        return {"device": "cuda", "memory": cards[number] / processes if number < len(cards) else None}
    return {"device": "cpu", "memory": free_bytes() / processes}


def too_large(info: BackboneInfo, strategy: Strategy, memory: float) -> str:
    """Why a strategy cannot train a backbone in so many bytes; empty if it may."""
    trained = 0.0 if strategy.cheap else strategy.trains
    needed = WORKER_BYTES + info.parameters * (FROZEN_BYTES + trained * (TRAINED_BYTES - FROZEN_BYTES))
    if needed <= memory:
        return ""
    return f"needs about {needed / 1e9:.1f} GB of memory, and {memory / 1e9:.1f} GB are free"
