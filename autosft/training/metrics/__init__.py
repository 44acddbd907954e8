"""Named scores by scikit-learn's names, where it has one, and with its values; one file per problem, one table in each.

Higher is always better. All are computed here and not by scikit-learn, because a bootstrap asks thousands of times.
"""

from __future__ import annotations

from autosft.training.metrics.classification import CLASSIFICATION, classification_score
from autosft.training.metrics.metric import Metric
from autosft.training.metrics.multilabel import MULTILABEL, OVERLAPS, multilabel_score
from autosft.training.metrics.regression import REGRESSION, regression_score

__all__ = [
    "CLASSIFICATION",
    "MULTILABEL",
    "OVERLAPS",
    "REGRESSION",
    "Metric",
    "classification_score",
    "multilabel_score",
    "regression_score",
]
