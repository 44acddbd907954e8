"""The losses are those of the papers, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from autosft.api.tensors import Batch
from autosft.testing.toy_encoder import ToyEncoder
from autosft_pretraining.agreement import nt_xent, vicreg_terms
from autosft_pretraining.decoders import TokenDecoder, ValueDecoder
from autosft_pretraining.distillation import CENTRE_MOMENTUM, SHARP, SHARPER, SelfDistillation, distilled


def test_the_terms_of_vicreg():
    first = torch.tensor([[0.0, 0.0], [0.2, 0.4]])
    second = torch.tensor([[3.0, 0.0], [-3.0, 0.0]])
    invariance, variance, covariance = vicreg_terms(first, second)

    assert float(invariance) == pytest.approx((9.0 + 0.0 + 3.2**2 + 0.4**2) / 4)
    short = [1 - math.sqrt(0.02 + 1e-4), 1 - math.sqrt(0.08 + 1e-4), 0.0, 1 - math.sqrt(1e-4)]
    assert float(variance) == pytest.approx(sum(short) / 4)
    assert float(covariance) == pytest.approx(2 * 0.04**2 / 2)


def test_the_contrastive_loss():
    first, second = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    each = -math.log(math.exp(1 / 0.5) / (math.exp(1 / 0.5) + 2 * math.exp(0.0)))
    assert float(nt_xent(first, second, 0.5)) == pytest.approx(each)
    assert float(nt_xent(first, second.flip(0), 0.5)) > each


def test_a_teacher_is_centred_and_sharpened():
    taught, told, center = torch.tensor([[0.06, 0.0]]), torch.tensor([[0.0, 0.1]]), torch.tensor([0.02, 0.0])
    sure = 1 / (1 + math.exp(-0.04 / SHARPER))
    first = 1 / (1 + math.exp(0.1 / SHARP))
    wanted = -sure * math.log(first) - (1 - sure) * math.log(1 - first)
    assert float(distilled(taught, told, center)) == pytest.approx(wanted, rel=1e-5)


def batch_of(inputs):
    rows = len(inputs[0] if isinstance(inputs, tuple) else inputs)
    return Batch(inputs, (), tuple(map(str, range(rows))), torch.ones(rows))


def test_teacher_and_centre_follow_the_student():
    torch.manual_seed(0)
    encoder = ToyEncoder(3, 8, "tanh")
    objective = SelfDistillation(encoder, 0.9)
    before = objective.teacher[0].first.weight.clone()
    views = torch.randn(4, 3), torch.randn(4, 3)
    with torch.no_grad():
        encoder.first.weight += 1.0
        said = torch.cat([objective.teacher[1](objective.teacher[0](view)["pooled"]) for view in views]).mean(0)

    objective(encoder, batch_of(views)).backward()
    objective.after_step(encoder)

    torch.testing.assert_close(objective.teacher[0].first.weight, before + 0.1)
    torch.testing.assert_close(objective.center, (1 - CENTRE_MOMENTUM) * said)
    assert all(weight.grad is None for weight in objective.teacher.parameters())
    assert encoder.first.weight.grad is not None and objective.head.prototypes.weight.grad is not None


def test_values_are_compared_by_their_contrasts():
    torch.manual_seed(0)
    encoder = ToyEncoder(3, 8, "tanh")
    objective = ValueDecoder(encoder, 0.0)
    points = torch.randn(5, 3)
    told = objective.linear(encoder(points)["pooled"])
    contrasts = points - points.mean(1, keepdim=True)
    wanted = contrasts / (contrasts.square().mean(1, keepdim=True) + 1e-3).sqrt()

    torch.testing.assert_close(objective(encoder, batch_of(points)), (told - wanted).square().mean())


def test_tokens_are_told_by_the_embeddings_of_the_encoder():
    masking = pytest.importorskip("autosft_text.lstm_encoder")
    from autosft.api import Row, Rows
    from autosft_text.lstm_family import LstmFamily
    from autosft_text.tokenizing import TextTokenizer

    rows = Rows.of(Row(str(n), "good day to you") for n in range(3))
    state = LstmFamily().fit(LstmFamily().curated()[0], rows, lambda row: row.ref)
    tokenizer = TextTokenizer(state.arrays["tokenizer"].tobytes())
    encoder = masking.LstmEncoder(tokenizer, state.values["vocabulary"], 8, 8).eval()
    objective = TokenDecoder(encoder, 0.15)

    loss = objective(encoder, batch_of(["good day to you"]))
    loss.backward()

    masked = encoder.masked(["good day to you"], 0.15, torch.Generator().manual_seed(0))
    scores = objective.transform(masked.encoded) @ encoder.embedding.weight.T + objective.bias
    chances = scores.log_softmax(1)[torch.arange(len(scores)), masked.targets]
    torch.testing.assert_close(loss, -chances.mean())
    assert encoder.embedding.weight.grad is not None
