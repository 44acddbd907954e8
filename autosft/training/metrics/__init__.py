"""The metrics of the built-in problems, by scikit-learn's names where it has them, and with its values.

One file per problem, with one table. Scores made of counts and of ranks have a fast path of their own (`fast`), because
a bootstrap asks for hundreds of them; the others call scikit-learn and SciPy.
"""

from __future__ import annotations

from autosft.training.metrics.classification import CLASSIFICATION
from autosft.training.metrics.multilabel import MULTILABEL, OVERLAPS
from autosft.training.metrics.regression import REGRESSION

__all__ = ["CLASSIFICATION", "MULTILABEL", "OVERLAPS", "REGRESSION"]
