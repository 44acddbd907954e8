"""The exponential moving average of a model's weights (Polyak and Juditsky, 1992; Tarvainen and Valpola, 2017)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

Tensors = tuple[Tensor, ...] | list[Tensor]


def averaged(model: nn.Module, decay: float) -> AveragedModel:
    """A copy of a model that follows it with `update_parameters`, buffers such as those of batch norm included."""

    def follow(average: Tensors, current: Tensors, seen: Tensor | int) -> None:
        get_ema_multi_avg_fn(decay_after(int(seen), decay))(average, current, seen)

    return AveragedModel(model, multi_avg_fn=follow, use_buffers=True)


def decay_after(steps: int, decay: float) -> float:
    """The decay after so many steps: at first less, so that of a short training about the last tenth counts; as
    TensorFlow's `ExponentialMovingAverage` does with `num_updates`."""
    return min(decay, (1 + steps) / (10 + steps))
