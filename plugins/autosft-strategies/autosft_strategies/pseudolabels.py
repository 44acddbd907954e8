"""Linear heads on the features of several encoders that label rows without targets together. Imported when they fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt
import torch  # noqa: TID253
from threadpoolctl import threadpool_limits
from torch import Tensor  # noqa: TID253

from autosft.api import OutOfTime, Parts, Runtime, Trial
from autosft.api.tensors import Encoders, LinearHead, Model, note_pseudo_labels
from autosft_strategies.linear import LinearProblem, Solution
from autosft_strategies.probe import folds_of, moments, scaled, unscaled

ROUNDS = 5
"""In so many rounds ever more of the rows are labelled, the surest first: a fifth more in each. More rounds gain more
where few labels tell the classes well, and lose where they do not: see docs/explanation/search.md."""

TRUST = 0.5
"""A pseudo-label counts so many times its confidence, times the square of the fraction of heads that agree with it, by
how much these count; a label counts 1."""

LENGTH = 10.0
"""The penalty is that of scikit-learn's `C` of 1 on features whose rows are so long, as the root of the mean square."""

GRADIENT = 1e-3
"""A head is good enough when no derivative of its objective is larger. A tenth of that takes twice as long, and is no
better."""

RELIABLE, DOUBT = 10.0, 20
"""A head counts less by the exponential of so many times what its cross-validated accuracy is below that of the best.
Accuracies are taken for what they would be with so many more rows of which each head answers as many rightly."""

JUDGED_ROWS = 500
"""No more labelled rows than these are cross-validated."""

Floats = npt.NDArray[np.floating[Any]]
Solved = tuple[list[Solution], list[str]]
"""A head for each encoder, and the labels of the rows without targets that they learned from last."""


Solve = Callable[[Trial, Runtime, LinearHead, Sequence[Tensor]], Solved]


def solve_together(trial: Trial, runtime: Runtime, model: Model, solve: Solve) -> None:
    """Put into the head what heads on all encoders have learned together, for the trial's own encoder.

    Args:
        trial: The trial.
        runtime: Where to compute, with what other trials have found.
        model: Whose head it is.
        solve: Takes the features of all rows, the labelled ones first, by each encoder, among others; see `Heads`.

    Raises:
        OutOfTime: There was no time to encode all rows, or for all rounds.
    """
    head = model.heads[0]
    if not isinstance(head, LinearHead):
        raise TypeError(f"Problem {trial.parts.problems[0].name!r} needs just pooled features but has no LinearHead.")
    encoders = Encoders(trial, runtime, model)
    views = [_view(parts) for parts in encoders.parts]
    learned_from = tuple(trial.train.numbers), tuple(trial.train.weight), len(trial.unlabeled), str(_own(trial.parts))
    place = trial.parts.recipe.strategy, tuple(sorted(views)), learned_from
    if place not in runtime.features:  # what one trial found serves those of the other backbones
        solved, labels = solve(trial, runtime, head, encoders.encode(trial.train + trial.unlabeled))
        runtime.features[place] = dict(zip(views, solved, strict=True)), labels
    heads, labels = runtime.features[place]
    if labels:
        note_pseudo_labels(trial, labels)
    weight, bias = heads[views[0]]
    with torch.no_grad():
        head.linear.weight.copy_(weight)
        head.linear.bias.copy_(bias)


def _view(parts: Parts) -> str:
    """By what encoder rows are seen, and how."""
    return f"{parts.info.name} {parts.recipe.of(parts.modality.name)} {parts.recipe.of(parts.family.prefix)}"


def _own(parts: Parts) -> dict[str, Any]:
    """All of a recipe that a head depends on, whatever the encoder."""
    recipe = parts.recipes[0]
    return {"regular": recipe.regular.plain(), "problem": recipe.of(parts.task.targets[0].problem)}


@final
class Heads:
    """A linear head on the features of each encoder; all learn from the same rows.

    Args:
        trial: Its training rows are the labelled ones.
        runtime: Knows the time that is left.
        head: The head of the trial, for its number of outputs.
        features: Of each encoder, the labelled rows first, shapes (rows, width).

    Attributes:
        targets: Those of the labelled rows, as the problem encodes them.
        weights: Those of the labelled rows, shape (rows,).
    """

    def __init__(self, trial: Trial, runtime: Runtime, head: LinearHead, features: Sequence[Tensor]) -> None:
        parts = trial.parts
        self._problem, self._state, self._recipe = parts.problems[0], parts.states.problems[0], parts.recipes[0]
        self.targets: Tensor = self._problem.encode(trial.train.target(0), self._state)
        self.weights = torch.tensor(trial.train.weight, dtype=torch.float32)
        self._scales = [moments(one) for one in features]
        self._squares = [_mean_square(one) for one in features]
        self._heads = [
            LinearProblem(parts, runtime, 0, head, scaled(one, *each), trial.train.target(0), self.weights)
            for one, each in zip(features, self._scales, strict=True)
        ]
        self._solved: list[Solution] = []

    def learn(self, positions: npt.NDArray[np.int64], targets: Tensor, weights: Tensor) -> None:
        """Solve all heads, from where they are, for the labelled rows and some of the others.

        Args:
            positions: Which of the others, shape (some,).
            targets: Theirs, as the problem encodes them.
            weights: Theirs, shape (some,).
        """
        count = len(self.weights)
        rows = torch.cat([torch.arange(count), count + torch.from_numpy(positions)])
        every = torch.cat([self.targets, targets]), torch.cat([self.weights, weights])
        starts: list[Solution | None] = [*self._solved] or [None] * len(self._heads)
        with threadpool_limits(1, "blas"):
            self._solved = [
                one.relabelled(rows, *every).solve(self._strength(place, float(every[1].sum())), start, GRADIENT)
                for place, (one, start) in enumerate(zip(self._heads, starts, strict=True))
            ]

    def reliability(self, trial: Trial) -> Floats:
        """How much the answers of each count beside those of the others, shape (heads,), summing to 1: by how many
        labelled rows it answers rightly that it has not learned from."""
        if len(self._heads) == 1:
            return np.ones(1)
        draw = torch.Generator().manual_seed(0)  # not the trial's: heads serve other trials too
        chosen = torch.randperm(len(self.weights), generator=draw)[:JUDGED_ROWS]
        folds = folds_of(trial, 0, chosen)
        return reliability([self._right(place, chosen, folds) for place in range(len(self._heads))], len(chosen))

    def _right(self, place: int, chosen: Tensor, folds: Tensor) -> int:
        """How many rows a head answers rightly that learns from those of other folds."""
        right, one = 0, self._heads[place]
        for fold in range(int(folds.max()) + 1):
            rows, held_out = chosen[folds != fold], chosen[folds == fold]
            if len(rows):
                learned = one.relabelled(rows, self.targets[rows], self.weights[rows])
                with threadpool_limits(1, "blas"):
                    solution = learned.solve(self._strength(place, float(self.weights[rows].sum())), None, GRADIENT)
                right += int((one.raw(solution)[held_out].argmax(1) == self.targets[held_out]).sum())
        return right

    def descend(self, value: Callable[[Tensor], Tensor]) -> None:
        """Solve all heads, from where they are, for any function of the raw outputs of all rows, shape (rows, outputs),
        that counts as much as the mean loss of the labelled rows."""
        total = float(self.weights.sum())
        with threadpool_limits(1, "blas"):
            self._solved = [
                one.descend(value, one.penalty(self._strength(place, total)), start, GRADIENT)
                for place, (one, start) in enumerate(zip(self._heads, self._solved, strict=True))
            ]

    def answers(self) -> list[Floats]:
        """What each answers to the other rows: probabilities, shapes (rows, classes)."""
        found = [
            one.raw(solution)[len(self.weights) :] for one, solution in zip(self._heads, self._solved, strict=True)
        ]
        return [self._problem.tensors(raw, self._state, self._recipe)["probabilities"].numpy() for raw in found]

    def solutions(self) -> list[Solution]:
        """The heads, for features as they were given."""
        every = zip(self._heads, self._solved, self._scales, strict=True)
        return [unscaled(*one.unturned(solution), *each) for one, solution, each in every]

    def _strength(self, place: int, total: float) -> float:
        """The penalty, relative to the mean loss of rows whose weights add up to so much."""
        return self._squares[place] / (LENGTH**2 * total * self._heads[place].penalty(1.0))


@final
@dataclass(frozen=True)
class Selection:
    """Which rows are labelled, and how sure answers are taken to be. What it is worth stands in
    docs/explanation/search.md; benchmarks/frozen_unlabeled.py changes it.

    Attributes:
        balanced: Whether of each class come as many as the answers say that there are.
        temperature: What the logarithms of the mean answers are divided by.
        most: The fraction of the rows that are labelled at last. The rounds stop before those that are most often
            labelled wrongly, which a head would learn last (early learning: Liu et al., 2020).
    """

    balanced: bool = True
    temperature: float = 1.0
    most: float = 1.0


def label_and_solve(
    trial: Trial,
    runtime: Runtime,
    head: LinearHead,
    features: Sequence[Tensor],
    spread: Callable[[Floats], Floats] | None = None,
    selection: Selection = Selection(),
) -> Solved:
    """A head for each encoder, learned from labelled rows and, round by round, from what all heads together answer to
    the others. The arguments are those of `Heads`; what is done with the mean of their answers, shape (rows, classes),
    before rows are labelled by it; and which rows these are.

    Raises:
        OutOfTime: There was no time for all rounds.
    """
    heads = Heads(trial, runtime, head, features)
    reliable = heads.reliability(trial)
    chosen, labels, trust = np.arange(0), heads.targets[:0], heads.weights[:0]
    for step in range(ROUNDS + 1):
        if step:
            answers = heads.answers()
            mean = sharpened(np.average(answers, axis=0, weights=reliable), selection.temperature)
            believed = spread(mean) if spread else mean
            chosen = surest(believed, selection.most * step / ROUNDS, balanced=selection.balanced)
            labels, trust = labelled(answers, reliable, mean, believed.argmax(1), chosen)
        heads.learn(chosen, labels, trust)
        if runtime.seconds_left() < 0:
            raise OutOfTime("The time was up while rows without targets were labelled.")
    classes = list(trial.parts.problems[0].classes(trial.parts.states.problems[0]))
    return heads.solutions(), [classes[label] for label in labels.tolist()]


def labelled(
    answers: Sequence[Floats],
    reliable: Floats,
    mean: Floats,
    labels: npt.NDArray[np.int64],
    chosen: npt.NDArray[np.int64],
) -> tuple[Tensor, Tensor]:
    """The classes of the chosen rows, and how much each counts.

    Args:
        answers: The probabilities that each head gives, shapes (rows, classes).
        reliable: How much each head counts, shape (heads,).
        mean: Their mean.
        labels: The class of each row.
        chosen: The positions of the rows.
    """
    given = labels[chosen]
    agreeing = np.average([one[chosen].argmax(1) == given for one in answers], axis=0, weights=reliable)
    return torch.from_numpy(given), torch.from_numpy(TRUST * mean[chosen, given] * agreeing**2).float()


def reliability(right: Sequence[int], rows: int) -> Floats:
    """How much each head counts, of how many of so many rows it answers rightly; see `RELIABLE`."""
    found = np.array(right) + DOUBT * np.mean(right) / rows
    far = RELIABLE * (found - found.max()) / (rows + DOUBT)
    return np.exp(far) / np.exp(far).sum()


def sharpened(probabilities: Floats, temperature: float) -> Floats:
    """Probabilities whose logarithms are divided by a temperature; below 1 they are surer (Guo et al., 2017)."""
    raised = probabilities ** (1 / temperature)
    return raised / raised.sum(1, keepdims=True)


def surest(probabilities: Floats, fraction: float, *, balanced: bool = True) -> npt.NDArray[np.int64]:
    """The positions of the rows that are answered most surely, in order.

    Of each class come as many as the mean of its probabilities makes of the rows to be chosen, so that no class crowds
    out the others, and nothing is supposed of how many rows each has.

    Args:
        probabilities: Of each row, shape (rows, classes).
        fraction: How many of the rows.
        balanced: Whether each class has its part; else the surest of all come, whatever they are.
    """
    labels = probabilities.argmax(1)
    order = np.argsort(-probabilities.max(1), kind="stable")
    if not balanced:
        return np.sort(order[: math.ceil(fraction * len(order))])
    counts = np.ceil(fraction * probabilities.sum(0)).astype(np.int64)
    return np.sort(np.concatenate([order[labels[order] == label][:most] for label, most in enumerate(counts)]))


def _mean_square(features: Tensor) -> float:
    """The mean squared length of a row of standardized, or of sparse features."""
    if features.layout == torch.strided:
        return float(features.shape[1])
    return float(features.values().float().square().sum()) / len(features)
