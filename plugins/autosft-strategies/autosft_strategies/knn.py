"""`Knn`: the nearest training rows answer, on frozen features."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, final

from autosft.api import BackboneInfo, Facts, Fit, OutOfTime, Problem, Rows, Runtime, Strategy, Trial, seed_of
from autosft_strategies.reasons import against_freezing

if TYPE_CHECKING:
    from torch import Tensor

    from autosft.api.tensors import Model
    from autosft_strategies.neighbors import Neighbors

NEIGHBORS = (1, 2, 4, 8, 16, 32, 64)
TEMPERATURES = (0.03, 0.1, 0.3)
"""What is chosen from. As the temperature falls, the most similar of the neighbors decides alone."""

CHOOSING_ROWS, PORTION = 2000, 128
"""So many training rows at most are asked to choose, so many at a time; all are kept to answer."""

DOUBT = 2.0
"""The logarithm of the scale is expected to be this far from 0: rows that are all answered rightly do not make the
answers certain."""


@final
class Knn(Strategy):
    """k nearest neighbors (Cover and Hart, 1967) by cosine, their targets averaged with weights.

    It knows no problem. The mean of targets becomes a raw output by a scale and a shift that are fitted under the
    problem's own loss (as Platt, 1999, fits scores of classes), on training rows whose neighbors are sought among the
    others. So are `k` and the temperature of the weights chosen. A scale is positive: of classes the one with most
    votes wins.
    """

    name, prior, cheap = "knn", 0.5, True

    def accepts(self, facts: Facts, info: BackboneInfo, problems: Sequence[Problem]) -> str:
        """Any encoder that knows something before it is trained, and problems whose targets can vote."""
        if reason := against_freezing(info, problems):
            return reason
        others = [problem.name for problem in problems if not problem.averages_targets]
        return f"neighbors vote by the mean of their targets, which is no answer to {others[0]}" if others else ""

    def stages(self, trial: Trial, runtime: Runtime, model: Model) -> Iterable[Fit]:
        """The heads, replaced."""
        yield Fit("neighbors", partial(fit_neighbors, trial, runtime, model))

    def restore(self, model: Model, tensors: Mapping[str, Tensor]) -> None:
        """Put the rows in the heads' place."""
        from autosft_strategies.neighbors import Neighbors

        for position in range(len(model.heads)):
            place = f"heads.{position}."
            mine = {name.removeprefix(place): tensor for name, tensor in tensors.items() if name.startswith(place)}
            model.heads[position] = Neighbors(mine)
        model.load_state_dict(tensors)


def fit_neighbors(trial: Trial, runtime: Runtime, model: Model) -> None:
    """Encode, keep the rows, choose, and put them in the heads' place."""
    import torch

    from autosft.api.tensors import LinearHead, encode
    from autosft_strategies.neighbors import Neighbors

    parts = trial.parts
    encode(parts, runtime, model.encoder, trial.train)  # all at once: each target has its rows of them
    for position, (problem, state) in enumerate(zip(parts.problems, parts.states.problems, strict=True)):
        head = model.heads[position]
        rows = trial.train.with_target(position)
        features = encode(parts, runtime, model.encoder, rows).float()
        weights = torch.tensor(rows.weight, dtype=torch.float32)
        targets = problem.encode(rows.target(position), state)
        if not isinstance(head, LinearHead) or not isinstance(targets, torch.Tensor):
            raise TypeError(f"Problem {problem.name!r} needs just pooled features but has no LinearHead.")
        kept = Neighbors.of(features, targets, weights, head.linear.out_features)
        _choose(trial, runtime, position, kept, features)
        model.heads[position] = kept
    model.to(runtime.device)


def _choose(trial: Trial, runtime: Runtime, position: int, kept: Neighbors, features: Tensor) -> None:
    """Give `kept` the `k`, temperature, scale and shift with the lowest loss over training rows."""
    import torch

    parts = trial.parts
    problem, state = parts.problems[position], parts.states.problems[position]
    recipe = parts.recipes[position]
    draw = torch.Generator().manual_seed(seed_of(parts.recipe.seed, "neighbors"))
    asked = torch.randperm(len(features), generator=draw)[:CHOOSING_ROWS]
    groups = _groups(trial.train.with_target(position))
    nearest, rows = _others(runtime, kept, features, asked, groups)
    targets, weights = kept.targets[asked], kept.weights[asked]

    def loss(out: Tensor) -> Tensor:
        return (problem.loss(out, targets, state, recipe) * weights).sum() / weights.sum().clamp_min(1e-12)

    best = float("inf")
    for k in (k for k in NEIGHBORS if k <= nearest.shape[1]):
        for temperature in TEMPERATURES if k > 1 else TEMPERATURES[:1]:
            scale, shift, value = _fitted(loss, kept.votes(nearest[:, :k], rows[:, :k], temperature), len(asked))
            if value < best:
                best = value
                chosen = {"k": k, "temperature": temperature, "scale": scale, "shift": shift}
                for name, number in chosen.items():
                    getattr(kept, name).fill_(number)


def _others(
    runtime: Runtime, kept: Neighbors, features: Tensor, asked: Tensor, groups: Tensor
) -> tuple[Tensor, Tensor]:
    """How similar the nearest rows of other groups are to the asked ones, and which they are, shape (asked, most
    neighbors).

    Raises:
        OutOfTime: The time is up.
    """
    import torch

    count = min(NEIGHBORS[-1], len(features) - int(groups.bincount().max()))
    table = features if features.layout == torch.strided else features.to_sparse_coo()
    found: list[tuple[Tensor, Tensor]] = []
    for part in asked.split(PORTION):
        if runtime.seconds_left() < 0:
            raise OutOfTime("The time was up while neighbors were sought.")
        similarities = kept.similarities(table.index_select(0, part))
        similarities[groups[part, None] == groups] = -2.0  # below every cosine
        values, rows = similarities.topk(count)
        found.append((values, rows))
    return torch.cat([values for values, _ in found]), torch.cat([rows for _, rows in found])


def _groups(rows: Rows) -> Tensor:
    """A number for each row; rows of one group share one, unless there is just one group."""
    import torch

    groups = torch.from_numpy(rows.group_ids())
    return groups if groups.any() else torch.arange(len(groups))


def _fitted(loss: Callable[[Tensor], Tensor], votes: Tensor, rows: int) -> tuple[float, float, float]:
    """The scale and the shift of votes with the lowest loss, and the loss."""
    import torch

    numbers = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.LBFGS([numbers], max_iter=30, line_search_fn="strong_wolfe")

    def value() -> Tensor:
        return loss(numbers[0].clamp(-9, 9).exp() * votes + numbers[1])

    def closure() -> Tensor:
        optimizer.zero_grad()
        whole = value() + 0.5 * (numbers / DOUBT).square().sum() / rows
        whole.backward()
        return whole

    # L-BFGS evaluates the closure with gradients; torch annotates its result as a float.
    optimizer.step(closure)  # pyright: ignore[reportArgumentType]
    with torch.no_grad():
        return float(numbers[0].clamp(-9, 9).exp()), float(numbers[1]), float(value())
