"""`SearchEstimator`: what classifier and regressor share. A fit is a search; what it found then answers."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self, cast

from sklearn.base import BaseEstimator
from sklearn.utils import Tags
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from autosft.contracts.record import Result
from autosft.data.store import cache_folder
from autosft.deploy.predictor import Predictor
from autosft.estimators.samples import COLUMN, are_images, as_table, samples_of
from autosft.search.driver import run_search
from autosft.search.events import Callback
from autosft.tables.frames import write_frame

_LIMITS = ("budget", "trials")
"""Settings that may grow when the same fit is asked for again."""


class SearchEstimator(BaseEstimator, ABC):
    """A search as an estimator.

    Args:
        inputs: The columns of a data frame that hold the sample; by default all of them.
        modality: Such as `"image"` or `"text"`; by default the most confident one.
        budget: Wall clock of a fit for everything, as text (`"5m"`) or seconds; None means that only `trials` ends it.
        trials: The most trials.
        metric: The validation score to maximize; by default the problem's first.
        seed: Splits, proposals and training derive from it.
        device: Where to train and to answer; `"auto"` takes a GPU if there is one.
        threads: CPU threads for training; by default as many as this process may use.
        workers: How many trials are trained at the same time.
        backbones: Shell patterns of backbones to allow; by default every curated one whose weights are at hand.
        strategies: Strategies to allow; by default all.
        weights: Folders or files of weights on this machine.
        settings: Parameters that are fixed or narrowed, as for `run_search`; None is none.
        plugins: Python files, or modules by name, to load beside the installed plugins.
        single: Whether to take one model even where an ensemble of several is better.
        hold_out_test: Whether a fifth of the rows is held out for `result_.test`. By default they are not, because with
            scikit-learn one holds out rows oneself.
        run: The folder of the run. By default `runs/fit-<digest>`, of the data and all settings but the limits: the
            same fit again goes on with its run, and any other has one of its own.
        callback: Told what happens, as by `run_search`.

    Attributes:
        result_: What the search came to.
        run_: The folder of the run.
    """

    result_: Result
    run_: Path

    def __init__(
        self,
        *,
        inputs: str | Sequence[str] | None = None,
        modality: str = "",
        budget: str | float | None = "10m",
        trials: int | None = None,
        metric: str = "",
        seed: int = 0,
        device: str = "auto",
        threads: int | None = None,
        workers: int = 1,
        backbones: Sequence[str] = (),
        strategies: Sequence[str] = (),
        weights: Sequence[str | Path] = (),
        settings: Mapping[str, Any] | None = None,
        plugins: Sequence[str | Path] = (),
        single: bool = False,
        hold_out_test: bool = False,
        run: str | Path | None = None,
        callback: Callback | None = None,
    ) -> None:
        self.inputs = inputs
        self.modality = modality
        self.budget = budget
        self.trials = trials
        self.metric = metric
        self.seed = seed
        self.device = device
        self.threads = threads
        self.workers = workers
        self.backbones = backbones
        self.strategies = strategies
        self.weights = weights
        self.settings = settings
        self.plugins = plugins
        self.single = single
        self.hold_out_test = hold_out_test
        self.run = run
        self.callback = callback

    def fit(self, X: Any, y: Any, groups: Any = None, unlabeled: Any = None) -> Self:
        """Search for the best model.

        Args:
            X: Samples: a sequence or a column of texts, of paths, of Pillow images or of uint8 arrays of shape (height,
                width, 3); or a data frame with columns of texts, or one of paths.
            y: Their targets, shape (samples,); for a regressor also (samples, targets).
            groups: The group of each sample; samples of one group stay on one side of every split.
            unlabeled: Samples without targets to learn from too, as `X`; data frames have its columns.

        Raises:
            BadInput: Samples or settings cannot be used.
            ValueError: Targets cannot be used, or are not as many as samples.
            NoCandidates: No backbone and strategy fit, or no weights are at hand.
            NothingFinished: No trial had a score when the budget ended.
        """
        samples = samples_of(X)
        check_consistent_length(samples, y, groups)
        names = list(as_table(samples).column_names)
        inputs = [self.inputs] if isinstance(self.inputs, str) else list(self.inputs or names)
        targets = {_free(f"target_{name}", names): cells for name, cells in self._targets(y).items()}
        grouped = {_free("group", names): [str(group) for group in groups]} if groups is not None else {}
        table = write_frame(as_table(samples, {**targets, **grouped}), cache_folder() / "frames")
        asked = {name: value for name, value in self.get_params().items() if name not in ("run", "callback")}
        asked |= {"inputs": inputs, "target": list(targets), "group": next(iter(grouped), "")}
        asked |= {"problem": self._problem, "settings": self.settings or {}}
        if unlabeled is not None:
            asked["unlabeled"] = write_frame(as_table(samples_of(unlabeled)), cache_folder() / "frames")
        self.run_ = Path(self.run or Path("runs") / f"fit-{_digest_of(table.stem, asked)}").absolute()
        self.result_ = run_search(table, **asked, run=self.run_, callback=self.callback)
        self._columns = inputs
        vars(self).pop("predictor_", None)
        return self

    @cached_property
    def predictor_(self) -> Predictor:
        """What answers, loaded from the run's folder when it is first asked."""
        check_is_fitted(self, "run_")
        return Predictor.load(self.run_, device=self.device, plugins=self.plugins)

    def __getstate__(self) -> dict[str, Any]:
        """All but the model, which stays in the run's folder; a copy in another process loads it from there."""
        state = cast("dict[str, Any]", super().__getstate__())
        return {name: value for name, value in state.items() if name != "predictor_"}

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = tags.input_tags.string = True
        tags.target_tags.required = True
        tags.non_deterministic = True  # a budget of seconds buys as many trials as the machine makes of it
        return tags

    @property
    @abstractmethod
    def _problem(self) -> str:
        """The name of the problem."""

    @abstractmethod
    def _targets(self, y: Any) -> Mapping[str, Sequence[Any]]:
        """Columns of targets, by a name; learns what `predict` needs."""

    def _inputs_of(self, X: Any) -> Any:
        """Samples as the predictor takes them: in a table, so that no text is mistaken for a path."""
        check_is_fitted(self, "run_")
        samples = samples_of(X)
        if are_images(samples):
            return samples
        table = as_table(samples)
        if table.column_names == [COLUMN] and len(self._columns) == 1:
            return table.rename_columns(self._columns)
        return table


def _free(name: str, taken: Sequence[str]) -> str:
    """A name for a column that no other has."""
    while name in taken:
        name += "_"
    return name


def _digest_of(table: str, asked: Mapping[str, Any]) -> str:
    """Of a fit: of its data and all that is asked of it, whatever its limits."""
    told = {name: str(value) for name, value in asked.items() if name not in _LIMITS}
    return hashlib.sha256(json.dumps([table, told], sort_keys=True).encode()).hexdigest()[:12]
