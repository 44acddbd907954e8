"""Proves trials that are taught by earlier ones: by distillation, and by labels for rows without."""

import distillation
import pytest
import selftraining

from autosft.testing.conformance import StrategyConformance


class TestDistill(StrategyConformance):
    """Among others: killed after every epoch, it ends with the same weights."""

    @pytest.fixture
    def strategy(self):
        return distillation.Distill()


class TestSelfTraining(StrategyConformance):
    """Among others: killed after every epoch, it ends with the same weights."""

    @pytest.fixture
    def strategy(self):
        return selftraining.SelfTraining()
