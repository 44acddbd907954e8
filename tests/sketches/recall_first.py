"""A sketch of metrics of a plugin's own, for problems that others offer."""

import numpy as np

from autosft.api import Metric, hookimpl

autosft_api = 2


def f2_macro(truth, answered):
    from sklearn.metrics import fbeta_score

    return fbeta_score(truth, answered, beta=2, average="macro", zero_division=0.0)


def max_error(truth, answered):
    return np.abs(truth - answered).max()


METRICS = [
    Metric(
        "f2_macro",
        "classification",
        f2_macro,
        "mean over classes of the F2 score, for which recall counts more than precision",
        range=(0.0, 1.0),
        every_class_counts=True,
    ),
    Metric(
        "neg_max_error",
        "regression",
        max_error,
        "minus the largest error of all rows",
        greater_is_better=False,
        range=(0.0, np.inf),
    ),
]


@hookimpl
def autosft_metrics():
    return METRICS
