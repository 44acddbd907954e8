"""Every strategy of this package keeps the contract, and the probe finds the optimum that it promises."""

import pytest
from autosft_strategies.full import Full
from autosft_strategies.probe import Probe

from autosft.testing.conformance import StrategyConformance


class TestProbe(StrategyConformance):
    @pytest.fixture
    def strategy(self):
        return Probe()


class TestFull(StrategyConformance):
    @pytest.fixture
    def strategy(self):
        return Full()
