"""Co-training: rows without targets are labelled by several encoders together, and what they teach is worth having."""

from __future__ import annotations

import numpy as np
import pytest

from autosft.testing.conformance import StrategyConformance
from autosft_strategies.cotraining import CoTraining
from autosft_strategies.pseudolabels import surest


class TestCoTraining(StrategyConformance):
    """Among others: what it declines, it says why; killed, it ends with the same weights."""

    @pytest.fixture
    def strategy(self):
        return CoTraining()


def test_the_surest_of_each_class_come_first_and_no_class_crowds_out_the_others():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4], [0.45, 0.55], [0.1, 0.9]])
    assert surest(probabilities, 0.5).tolist() == [0, 1, 4, 5]
    assert surest(probabilities, 1.0).tolist() == [0, 1, 2, 3, 4, 5]
