"""AutoSFT: a plugin-based AutoML fine-tuner.

Labelled data and a time budget in; the best fine-tuned model, a leaderboard and a result that can be trusted out:

    result = autosft.run_search("photos/", budget="5m")
    predictor = autosft.Predictor.load("runs/photos")
    predictor.predict(["new/1.jpg", "new/2.jpg"])

    autosft.run_search(frame, target="stars")                        # a data frame
    autosft.AutoSFTClassifier(budget="5m").fit(texts, labels)        # as scikit-learn has it
    autosft.leaderboard("runs/photos")                               # a data frame again

The public names are resolved when they are first used, so that importing this package imports nothing heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autosft.contracts.record import Record, Result
    from autosft.contracts.task import Task, TaskTarget
    from autosft.deploy.predictor import Predictor
    from autosft.errors import AutoSFTError
    from autosft.estimators.classifier import AutoSFTClassifier
    from autosft.estimators.regressor import AutoSFTRegressor
    from autosft.host.hookspecs import hookimpl
    from autosft.report.runs import leaderboard
    from autosft.search.driver import run_search

__version__ = "0.1.0"
__all__ = [
    "AutoSFTClassifier",
    "AutoSFTError",
    "AutoSFTRegressor",
    "Predictor",
    "Record",
    "Result",
    "Task",
    "TaskTarget",
    "hookimpl",
    "leaderboard",
    "run_search",
]

_HOMES = {
    "AutoSFTClassifier": "autosft.estimators.classifier",
    "AutoSFTError": "autosft.errors",
    "AutoSFTRegressor": "autosft.estimators.regressor",
    "Predictor": "autosft.deploy.predictor",
    "Record": "autosft.contracts.record",
    "Result": "autosft.contracts.record",
    "Task": "autosft.contracts.task",
    "TaskTarget": "autosft.contracts.task",
    "hookimpl": "autosft.host.hookspecs",
    "leaderboard": "autosft.report.runs",
    "run_search": "autosft.search.driver",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'autosft' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
