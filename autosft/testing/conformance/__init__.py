"""One test class per contract. A plugin's test file subclasses them, gives a fixture or two, and is done:

from autosft.testing.conformance import StrategyConformance

class TestLastBlocks(StrategyConformance):
    @pytest.fixture
    def strategy(self):
        return LastBlocks()
"""

from __future__ import annotations

import pytest

_PARTS = (
    *("promises", "pairs", "views", "asked", "in_use"),
    *("backbone", "executor", "metric", "modality", "pretraining", "problem", "section", "strategy", "weights"),
)
pytest.register_assert_rewrite(*(f"{__name__}.{part}" for part in _PARTS))  # a failed check shows its values

from autosft.testing.conformance.backbone import BackboneConformance  # noqa: E402
from autosft.testing.conformance.executor import ExecutorConformance  # noqa: E402
from autosft.testing.conformance.metric import MetricConformance  # noqa: E402
from autosft.testing.conformance.modality import ModalityConformance  # noqa: E402
from autosft.testing.conformance.pretraining import PretrainingConformance  # noqa: E402
from autosft.testing.conformance.problem import ProblemConformance  # noqa: E402
from autosft.testing.conformance.section import SectionConformance  # noqa: E402
from autosft.testing.conformance.strategy import StrategyConformance  # noqa: E402
from autosft.testing.conformance.weights import WeightSourceConformance  # noqa: E402

__all__ = [
    "BackboneConformance",
    "ExecutorConformance",
    "MetricConformance",
    "ModalityConformance",
    "PretrainingConformance",
    "ProblemConformance",
    "SectionConformance",
    "StrategyConformance",
    "WeightSourceConformance",
]
