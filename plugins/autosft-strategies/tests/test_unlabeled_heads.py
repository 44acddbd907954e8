"""Spreading, entropy terms and the switches against wrong labels: the formulas, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from autosft.testing.conformance import StrategyConformance
from autosft_strategies.entropy import Entropy
from autosft_strategies.entropy_terms import KEPT, SURE, unsure
from autosft_strategies.graph import ALPHA, graph_of, spread
from autosft_strategies.pseudolabels import DOUBT, RELIABLE, TRUST, labelled, reliability, sharpened, surest
from autosft_strategies.spreading import Spreading


class TestSpreading(StrategyConformance):
    """Among others: what it declines, it says why; killed, it ends with the same weights."""

    @pytest.fixture
    def strategy(self):
        return Spreading()


class TestEntropy(StrategyConformance):
    """Among others: what it declines, it says why; killed, it ends with the same weights."""

    @pytest.fixture
    def strategy(self):
        return Entropy()


def test_what_is_believed_of_a_row_spreads_to_its_neighbor_as_the_closed_form_says():
    directions = torch.tensor([[1.0, 0.1], [1.0, 0.0], [-1.0, 0.1], [-1.0, 0.0]])
    graph = graph_of([directions, 2 * directions])
    believed = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0], [0.5, 0.5]])
    dense = graph.toarray()
    np.testing.assert_allclose(dense, dense.T)
    exact = (1 - ALPHA) * np.linalg.solve(np.eye(4) - ALPHA * dense, believed)
    np.testing.assert_allclose(spread(graph, believed), exact, atol=1e-5)


def test_neighbors_are_those_of_each_encoder_and_no_row_is_its_own(monkeypatch):
    monkeypatch.setattr("autosft_strategies.graph.NEIGHBORS", 1)
    directions = torch.tensor([[1.0, 0.1], [1.0, 0.0], [-1.0, 0.1], [-1.0, 0.0]])
    near = graph_of([directions]).toarray()
    np.testing.assert_allclose(near, [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]], atol=1e-6)


@pytest.mark.filterwarnings("ignore:Sparse CSR")
def test_sparse_features_have_neighbors_too():
    rows = torch.tensor([[1.0, 0.0], [2.0, 0.1], [0.0, 1.0], [0.1, 2.0]])
    assert graph_of([rows.to_sparse_csr()]).shape == (4, 4)


def test_answers_that_are_sure_and_keep_the_proportions_cost_nothing_and_others_what_the_papers_say():
    sure = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    assert float(unsure(sure, torch.tensor([0.25, 0.75]))) == pytest.approx(0, abs=1e-6)
    away = 0.25 * math.log(0.25 / 0.5) + 0.75 * math.log(0.75 / 0.5)
    assert float(unsure(sure, torch.tensor([0.5, 0.5]))) == pytest.approx(KEPT * away, abs=1e-6)
    torn = torch.full((3, 2), 0.5)
    assert float(unsure(torn, torch.tensor([0.5, 0.5]))) == pytest.approx(SURE * math.log(2), abs=1e-6)


def test_without_balance_the_surest_of_all_are_labelled_whatever_they_are():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.45, 0.55]])
    assert surest(probabilities, 0.5, balanced=False).tolist() == [0, 1]
    assert surest(probabilities, 0.5).tolist() == [0, 1, 3]


def test_heads_count_by_their_cross_validated_accuracy_and_alike_where_that_is_the_same():
    np.testing.assert_allclose(reliability([7, 7, 7], 8), np.full(3, 1 / 3))
    good, bad = reliability([36, 12], 40)
    assert good + bad == pytest.approx(1) and good / bad == pytest.approx(math.exp(RELIABLE * 24 / (40 + DOUBT)))
    few, _ = reliability([4, 2], 4)
    many, _ = reliability([400, 200], 400)
    assert few < many


def test_a_temperature_below_one_makes_answers_surer():
    np.testing.assert_allclose(sharpened(np.array([[0.8, 0.2]]), 0.5), [[0.64 / 0.68, 0.04 / 0.68]])
    np.testing.assert_allclose(sharpened(np.array([[0.8, 0.2]]), 1.0), [[0.8, 0.2]])


def test_a_pseudo_label_counts_by_its_confidence_and_by_how_many_heads_agree():
    answers = [np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([[0.7, 0.3], [0.8, 0.2]])]
    mean = np.mean(answers, axis=0)
    classes, weights = labelled(answers, np.full(2, 0.5), mean, mean.argmax(1), np.array([0, 1]))
    assert classes.tolist() == [0, 0]
    np.testing.assert_allclose(weights, [TRUST * 0.8, TRUST * 0.6 * 0.25], rtol=1e-6)
