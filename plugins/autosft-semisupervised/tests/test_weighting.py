"""The formulas of the papers, on numbers small enough to be worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from autosft_semisupervised.running import Alignment, RunningMean
from autosft_semisupervised.weighting import FixedThreshold, RelativeThreshold, SelfAdaptive, TruncatedGaussian

SURE, UNSURE = [0.9, 0.1], [0.4, 0.6]


def test_a_running_mean_begins_with_what_is_seen_first_and_then_follows():
    mean = RunningMean(decay=0.5)
    assert float(mean(torch.tensor(4.0))) == pytest.approx(4.0)
    assert float(mean(torch.tensor(1.0))) == pytest.approx((0.25 * 4 + 0.5 * 1) / 0.75)
    again = RunningMean(decay=0.5)
    again.load_state_dict(mean.state_dict())
    assert float(again(torch.tensor(2.0))) == float(mean(torch.tensor(2.0)))


def test_a_row_counts_from_the_fixed_threshold_on_and_the_most_probable_class_is_its_label():
    labels, weights = FixedThreshold(0.9)(torch.tensor([SURE, UNSURE]), None)
    assert labels.tolist() == [[1, 0], [0, 1]] and weights.tolist() == [1, 0]


def test_a_threshold_follows_the_mean_sureness_and_is_lower_for_a_class_that_is_less_probable():
    """Sureness .9, .7, .6: the mean is .7333. Mean probabilities .6667 and .3333: the second threshold is half."""
    rows = torch.tensor([[0.9, 0.1], [0.7, 0.3], [0.4, 0.6]])
    labels, weights = SelfAdaptive(2, 0.01)(rows, None)
    assert labels.tolist() == [[1, 0], [1, 0], [0, 1]]
    assert weights.tolist() == [1, 0, 1], ".7 is below .7333, .6 is above .3667"


def test_fairness_is_the_negative_cross_entropy_of_what_is_said_per_class_to_what_is_answered():
    weighting = SelfAdaptive(2, 0.5)
    _, weights = weighting(torch.tensor([[0.9, 0.1], [0.7, 0.3], [0.4, 0.6]]), None)
    strong = torch.tensor([[0.8, 0.2], [0.1, 0.9], [0.3, 0.7]], requires_grad=True)
    said = [(2 / 3) / (2 / 3), (1 / 3) / (1 / 3)]
    expected = [one / sum(said) for one in said]
    answered = [(1.1 / 2) / 0.5, (0.9 / 2) / 0.5]
    answered = [one / sum(answered) for one in answered]
    by_hand = 0.5 * sum(one * math.log(other) for one, other in zip(expected, answered, strict=True))
    penalty = weighting.penalty(strong, weights)
    assert penalty.item() == pytest.approx(by_hand)
    penalty.backward()
    assert strong.grad is not None and strong.grad[1].tolist() == [0, 0], "a row that does not count has no part"


def test_no_row_that_counts_gives_no_fairness_and_a_class_that_nobody_answers_no_infinity():
    weighting = SelfAdaptive(3, 0.5)
    _, weights = weighting(torch.tensor([[0.8, 0.1, 0.1], [0.6, 0.3, 0.1]]), None)
    strong = torch.tensor([[0.8, 0.1, 0.1], [0.7, 0.2, 0.1]], requires_grad=True)
    assert float(weighting.penalty(strong, torch.zeros(2))) == 0
    weighting.penalty(strong, weights).backward()
    assert torch.isfinite(strong.grad).all()


def test_a_row_below_the_mean_sureness_counts_by_a_gaussian_of_half_the_deviation():
    """Sureness .9, .7, .5: the mean is .7 and the variance .04."""
    rows = torch.tensor([[0.9, 0.1], [0.3, 0.7], [0.5, 0.5]])
    labels, weights = TruncatedGaussian(Alignment("none", 2))(rows, None)
    assert labels.tolist() == [[1, 0], [0, 1], [1, 0]]
    torch.testing.assert_close(weights, torch.tensor([1.0, 1.0, math.exp(-(0.2**2) / (2 * 0.04 / 4))]))


def test_a_single_row_counts_fully():
    _, weights = TruncatedGaussian(Alignment("none", 2))(torch.tensor([SURE]), None)
    assert weights.tolist() == [1]


def test_answers_are_aligned_to_even_classes_or_to_those_of_labelled_rows_or_not():
    """Mean answers .65 and .35; labelled rows have .25 and .75."""
    unlabelled, labelled = torch.tensor([SURE, UNSURE]), torch.tensor([[0.5, 0.5], [0.0, 1.0]])
    for towards, target in (("uniform", (0.5, 0.5)), ("labelled", (0.25, 0.75))):
        first, second = 0.9 * target[0] / 0.65, 0.1 * target[1] / 0.35
        aligned = Alignment(towards, 2)(unlabelled, labelled)
        assert aligned[0].tolist() == pytest.approx([first / (first + second), second / (first + second)])
    assert Alignment("none", 2)(unlabelled, None) is unlabelled


def test_alignment_moves_weights_of_soft_matching_and_never_its_labels():
    rows = torch.tensor([[0.95, 0.05], [0.55, 0.45], [0.9, 0.1]])
    weighting = TruncatedGaussian(Alignment("uniform", 2))
    labels, weights = weighting(rows, None)
    plain_labels, plain_weights = TruncatedGaussian(Alignment("none", 2))(rows, None)
    assert torch.equal(labels, plain_labels) and not torch.equal(weights, plain_weights)


def test_a_row_counts_from_a_fraction_of_the_labelled_sureness_on_and_more_from_step_to_step():
    """Labelled rows are sure by .8 on average: the threshold is .72."""
    weighting = RelativeThreshold(0.9, Alignment("none", 2), steps=8)
    unlabelled, labelled = torch.tensor([[0.73, 0.27], [0.3, 0.7]]), torch.tensor([[0.9, 0.1], [0.3, 0.7]])
    seen = [weighting(unlabelled, labelled) for _ in range(6)]
    assert torch.equal(seen[0][0], unlabelled), "labels are probabilities"
    granted = [0.5 - math.cos(min(math.pi, 2 * math.pi * step / 8)) / 2 for step in range(6)]
    assert [weights[0].item() for _, weights in seen] == pytest.approx(granted)
    assert all(weights[1] == 0 for _, weights in seen) and granted[4] == granted[5] == 1
