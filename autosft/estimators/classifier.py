"""`AutoSFTClassifier`: one label per sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from autosft.errors import BadInput
from autosft.estimators.estimator import SearchEstimator
from autosft.tables.columns import label_of, number_label


@final
class AutoSFTClassifier(ClassifierMixin, SearchEstimator):
    """A search for the best classifier; its score is the accuracy. Parameters are those of `SearchEstimator`.

    Attributes:
        classes_: The labels, sorted, as `y` had them; shape (classes,).
    """

    classes_: npt.NDArray[Any]

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The label of each sample, shape (samples,), as `y` had it.

        Raises:
            NotFittedError: There was no fit.
            BadInput: A sample cannot be read.
        """
        inputs = self._inputs_of(X)
        return np.array([self._labels[name] for name in self.predictor_.predict(inputs)], dtype=self.classes_.dtype)

    def predict_proba(self, X: Any) -> npt.NDArray[np.floating[Any]]:
        """Probabilities, shape (samples, classes), in the order of `classes_`.

        Raises:
            NotFittedError: There was no fit.
            BadInput: A sample cannot be read.
        """
        known = self.predictor_.predict_proba(self._inputs_of(X))
        columns = dict(zip(self.predictor_.classes_, known.T, strict=True))
        never = np.zeros(len(known), dtype=known.dtype)  # a class of which no sample could be used
        return np.column_stack([columns.get(name, never) for name in self._labels])

    @property
    def _problem(self) -> str:
        return "classification"

    def _targets(self, y: Any) -> Mapping[str, Sequence[Any]]:
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise BadInput(f"y has one class, {self.classes_[0]}; a classifier needs two or more.")
        names = [label_of(value) for value in self.classes_.tolist()]
        # such as "a" and "a ", or "1" and "1.0": a table has no two labels for them
        if len({*names} - {""}) < len(names) or any(number_label(name) != name for name in names):
            names = [f"class {number}" for number in range(len(names))]
        self._labels = dict(zip(names, self.classes_, strict=True))
        return {"class": [names[number] for number in numbers]}
