"""`greedy_soup`: one model whose weights are the mean of those of several trained ones (Wortsman et al., 2022)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from autosft.contracts.rows import Rows
from autosft.contracts.tensors import Model
from autosft.contracts.trial import Parts, Runtime
from autosft.errors import BadInput, Diverged
from autosft.training.evaluation import Evaluation, evaluate

Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class Soup:
    """What came of it; the model that was given holds the mean weights.

    Attributes:
        taken: Which of the others went in, by position.
        evaluation: The answers of the mean weights on the validation rows.
    """

    taken: tuple[int, ...]
    evaluation: Evaluation


def greedy_soup(
    parts: Parts, runtime: Runtime, model: Model, others: Sequence[Callable[[], Weights]], rows: Rows
) -> Soup:
    """Average a model with others of the same architecture that started from the same weights.

    In turn, each of the others goes in if the mean with it scores no lower on the validation rows, and has a lower
    loss: over few rows scores have ties, and a loss has none.

    Args:
        parts: Those of the model.
        runtime: Where to compute.
        model: The best one; it becomes the soup.
        others: Give the weights of the others, the best first.
        rows: The validation rows.

    Raises:
        BadInput: The others are of another architecture, or have other heads; or a problem has no loss of validation.
    """
    mean = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    best, taken = evaluate(parts, runtime, model, rows), list[int]()
    for position, load in enumerate(others):
        tried = _mean_with(mean, load(), len(taken) + 1)
        model.load_state_dict(tried)
        try:
            evaluation = evaluate(parts, runtime, model, rows)
        except Diverged:
            continue
        if evaluation.score >= best.score and _loss(evaluation) < _loss(best):
            mean, best = tried, evaluation
            taken.append(position)
    model.load_state_dict(mean)
    return Soup(tuple(taken), best)


def _loss(evaluation: Evaluation) -> float:
    """The validation loss, by which weights are averaged."""
    if evaluation.loss is None:
        raise BadInput(
            "Weights are averaged by their validation loss, and these answers have none (Problem.validation loss)."
        )
    return evaluation.loss


def _mean_with(mean: Weights, other: Weights, count: int) -> dict[str, Tensor]:
    """The mean of `count` weights together with one more; whole numbers, such as counts of batches, stay."""
    if {name: tensor.shape for name, tensor in mean.items()} != {name: tensor.shape for name, tensor in other.items()}:
        raise BadInput("Weights of different shapes have no mean; only trials of one backbone and head make a soup.")
    return {
        name: (count * tensor + other[name].to(tensor)) / (count + 1) if tensor.is_floating_point() else tensor
        for name, tensor in mean.items()
    }
