"""What processes that train one trial together have to say to each other.

Each does its part of every step, and they add up their gradients (data parallelism). Each has the whole model, and
draws the same; but for rounding, and for what a model draws while it is trained, such as dropout, it is as if one had
done all of it. The first decides over time, validates, and writes checkpoints.

Not by torch's `DistributedDataParallel`: that needs one call of a wrapped module a step, in which every parameter takes
part. Losses here call a model several times, or parts of it, and strategies replace modules in it.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import Store  # pyright: ignore[reportPrivateImportUsage]

from autosft.contracts.strategy import Stage
from autosft.contracts.trial import Runtime
from autosft.errors import LostContact
from autosft.training.progress import modules_of

LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"
"""The network that does not leave this machine."""

PATIENCE = timedelta(days=1)
"""How long one waits for another: the first may validate for long. Who is dead is known at once."""


@contextmanager
def joined(meeting: Store, rank: int, world: int, device: torch.device) -> Generator[None]:
    """Within it the processes hear each other. Who leaves, for whatever reason, is missed by the others at once.

    Args:
        meeting: Where they find each other; what is in it is of this meeting alone.
        rank: Which of them this is.
        world: How many there are.
        device: Where this one computes.

    Raises:
        LostContact: Another one has left.
    """
    for library in ("GLOO", "NCCL"):  # nobody else is to hear them
        os.environ.setdefault(f"{library}_SOCKET_IFNAME", LOOPBACK)
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    with _contact():
        dist.init_process_group(backend, store=meeting, rank=rank, world_size=world, timeout=PATIENCE)
    try:
        yield
    finally:
        dist.destroy_process_group()


@contextmanager
def _contact() -> Generator[None]:
    try:
        yield
    except RuntimeError as problem:  # all that torch raises of it; which one depends on the backend
        raise LostContact(str(problem)) from problem


def parts_for(runtime: Runtime, step: Any, divisible: int) -> Iterator[Any]:
    """The parts of a batch, or step, that this process does, each of as many rows as fit at once.

    Args:
        runtime: Who it is.
        step: What is to be done by all.
        divisible: How many rows stay together, as `Stage.divisible`; where all do, the first process does them.
    """
    together = divisible or len(step)
    parts = step.parts(runtime.world, together=together) if runtime.world > 1 else [step]
    for mine in itertools.islice(parts, runtime.rank, runtime.rank + 1):
        yield from mine.split(runtime.micro_batch, together=together)


def first_says(runtime: Runtime, number: Callable[[], float]) -> float:
    """A number that only the first process finds out."""
    if runtime.world == 1:
        return number()
    told = torch.tensor(0.0 if runtime.rank else number(), dtype=torch.float64)
    with _contact():
        dist.broadcast(told, src=0)
    return told.item()


def total_of(runtime: Runtime, part: Tensor) -> float:
    """The sum of what each process has of a sum."""
    if runtime.world == 1:
        return float(part)
    total = part.clone()
    with _contact():
        dist.all_reduce(total)
    return float(total)


def add_up_gradients(runtime: Runtime, parameters: Sequence[Tensor]) -> None:
    """Give every process the sum of all gradients. A parameter that got one in no process goes on having none."""
    if runtime.world == 1:
        return
    there = torch.tensor([parameter.grad is not None for parameter in parameters], dtype=torch.uint8)
    with _contact():
        dist.all_reduce(there, op=dist.ReduceOp.MAX)
        moved = [parameter for parameter, has_one in zip(parameters, there.tolist(), strict=True) if has_one]
        for kind in dict.fromkeys(parameter.dtype for parameter in moved):
            alike = [parameter for parameter in moved if parameter.dtype == kind]
            gradients = [torch.zeros_like(one) if one.grad is None else one.grad for one in alike]
            flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
            dist.all_reduce(flat)
            for parameter, summed in zip(alike, flat.split([one.numel() for one in alike]), strict=True):
                parameter.grad = summed.view_as(parameter)


def align(runtime: Runtime, stage: Stage) -> None:
    """Let every process begin a stage with the weights of the first: what was solved before may differ by rounding."""
    if runtime.world == 1:
        return
    tensors = [tensor for module in modules_of(stage).values() for tensor in module.state_dict().values()]
    with torch.no_grad():
        for tensor in tensors:
            told = tensor.contiguous()
            with _contact():
                dist.broadcast(told, src=0)
            tensor.copy_(told)
