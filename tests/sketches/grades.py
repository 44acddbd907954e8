"""A sketch of a problem without classes whose answers are probabilities all the same: grades in an order.

A row has one of some grades, and the answer is the middle of their distribution, maybe a half grade.
"""

import numpy as np

from autosft.api import BadInput, Metric, Outputs, Problem, State, by_name, hookimpl

autosft_api = 2


def distance(truth, middle):
    """How far the middle grades are from the true ones."""
    return np.abs(middle - truth).mean()


ABOUT = "the mean distance of the middle grade to the true one; negative"
METRIC = Metric("neg_mean_distance", "grades", distance, ABOUT, greater_is_better=False, range=(0.0, np.inf))


class Grades(Problem):
    """A target is a grade as text, such as "2"; answers are numbers. Outputs hold "probabilities" (rows, grades)."""

    name = "grades"
    needs = frozenset({"pooled"})
    metrics = by_name(METRIC)
    ignores = frozenset({"regular.label_smoothing", "regular.balance"})

    def fit(self, targets):
        grades = sorted({number(target) for target in targets})
        if len(grades) < 2:
            raise BadInput("All training rows have one grade; there is nothing to tell apart.")
        return State({"grades": grades})

    def describe(self, state):
        return f"grades from {state.values['grades'][0]:g} to {state.values['grades'][-1]:g}"

    def head(self, widths, state, recipe):
        from autosft.api.tensors import LinearHead

        return LinearHead(widths["pooled"], len(state.values["grades"]), recipe.regular.dropout)

    def encode(self, targets, state):
        import torch

        known = np.array(state.values["grades"])
        return torch.from_numpy(np.abs(known - np.array(list(map(number, targets)))[:, None]).argmin(1))

    def loss(self, out, targets, state, recipe):
        from torch.nn.functional import cross_entropy

        return cross_entropy(out, targets, reduction="none")

    def outputs(self, out, batch, state, recipe, model):
        return Outputs({name: tensor.cpu().numpy() for name, tensor in self.tensors(out, state, recipe).items()})

    def tensors(self, out, state, recipe):
        return {"probabilities": out.float().softmax(1)}

    def decide(self, outputs, state):
        return (outputs.arrays["probabilities"] @ np.array(state.values["grades"])).round(1).tolist()

    def compared(self, outputs, targets, state):
        middle = outputs.arrays["probabilities"] @ np.array(state.values["grades"])
        return {"truth": np.array(list(map(number, targets))), "middle": middle}


def number(target):
    """A grade as a number."""
    try:
        return float(target)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{target!r} is no grade.") from error


@hookimpl
def autosft_problems():
    return [Grades()]
