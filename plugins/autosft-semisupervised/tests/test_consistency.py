"""Consistency regularization: what is promised of every strategy, and the formulas of the papers."""

from __future__ import annotations

import pytest

from autosft.testing.conformance import StrategyConformance
from autosft_semisupervised.fixmatch import FixMatch


class OnPoints(StrategyConformance):
    """Among others: killed after every epoch, it ends with the same weights, thresholds and average."""

    @pytest.fixture
    def strategy(self):
        return FixMatch()


class TestFixMatch(OnPoints):
    @pytest.fixture
    def strategy(self):
        return FixMatch()
