"""`AutoSFTRegressor`: one number per sample, or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_array

from autosft.estimators.base import SearchEstimator


@final
class AutoSFTRegressor(RegressorMixin, SearchEstimator):
    """A search for the best regressor; its score is R², the mean over targets where there are several. Parameters are
    those of `SearchEstimator`."""

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """The number of each sample, shape (samples,), or its numbers, shape (samples, targets).

        Raises:
            NotFittedError: There was no fit.
            BadInput: A sample cannot be read.
        """
        inputs = self._inputs_of(X)
        return np.array(self.predictor_.predict(inputs), dtype=np.float64)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    @property
    def _problem(self) -> str:
        return "regression"

    def _targets(self, y: Any) -> Mapping[str, Sequence[Any]]:
        y = check_array(y, ensure_2d=False, dtype="float64", input_name="y")
        columns = y.reshape(len(y), -1).T
        return {str(number): column.tolist() for number, column in enumerate(columns, start=1)}
