"""Precision by device, and compilation: where torch cannot, it is known why; where it can, names stay."""

from dataclasses import replace

import pytest
import torch

from autosft.testing.toy import ToyStrategy
from autosft.training.acceleration import precision_for, why_not_compiled
from autosft.training.loop import train

CPU = torch.device("cpu")


def test_a_cpu_computes_in_single_precision_unless_it_is_told_otherwise():
    wanted = ("auto", "float32", "tf32", "bfloat16")
    assert [precision_for(one, CPU) for one in wanted] == 3 * ["float32"] + ["bfloat16"]
    assert [precision_for(one, torch.device("cuda")) for one in wanted[1:]] == ["float32", "tf32", "bfloat16"]


@pytest.mark.parametrize(("precision", "said"), [("float32", "highest"), ("tf32", "high")])
def test_products_are_of_lower_precision_while_training_alone(trial, runtime, precision, said):
    while_training, while_answering = set(), set()

    class Looking(ToyStrategy):
        def stages(self, trial, runtime, model):
            model.register_forward_pre_hook(lambda *_: self.look(model.training))
            return super().stages(trial, runtime, model)

        def look(self, training):
            (while_training if training else while_answering).add(torch.get_float32_matmul_precision())

    train(trial, replace(runtime, precision=precision), Looking())

    assert while_training == {said} and while_answering == {"highest"}


def test_without_a_compiler_it_is_known_why_in_one_line(without_compiler):
    reason = why_not_compiled(CPU)
    assert "compiler" in reason and "\n" not in reason


@pytest.mark.slow
def test_a_compiled_encoder_learns_the_same_under_the_same_names(trial, runtime, tmp_path):
    if reason := why_not_compiled(CPU):
        pytest.skip(reason)
    plain = train(trial, runtime, ToyStrategy()).model.state_dict()
    trial = replace(trial, folder=tmp_path / "compiled")
    compiled = train(trial, replace(runtime, compile=True), ToyStrategy()).model.state_dict()
    assert list(compiled) == list(plain)
    for name, weight in compiled.items():
        torch.testing.assert_close(weight, plain[name], rtol=1e-3, atol=1e-4)
