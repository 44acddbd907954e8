"""What every family of backbones promises."""

# ruff: noqa: D102 (the name of a test is its docstring)

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from autosft.contracts.backbone import BackboneFamily, BackboneInfo, WeightFile
from autosft.contracts.modality import Example, Modality, Sample
from autosft.contracts.recipe import SHARED, Recipe
from autosft.contracts.state import State
from autosft.contracts.tensors import Batch, Encoder
from autosft.errors import BadWeights
from autosft.testing.conformance.promises import Offline, check_light, check_state

AXES = {"pooled": (2, 1), "tokens": (3, 2), "maps": (4, 1), "logits": (None, -1)}
"""For each output how many axes it has, and which of them is its width."""


class BackboneConformance(Offline):
    """Needs the fixtures `family`, and a `modality` with a `data_path` that it can encode; `info` says which of its
    encoders to build, and `weights` what its `fit` takes from beside the weights, if it takes anything."""

    @pytest.fixture
    def family(self) -> BackboneFamily:
        """The family to test."""
        raise NotImplementedError("define the fixture `family`")

    @pytest.fixture
    def modality(self) -> Modality:
        """A modality whose kinds hold what the encoder takes."""
        raise NotImplementedError("define the fixture `modality`")

    @pytest.fixture
    def data_path(self) -> Path:
        """Data of that modality, with two or more rows."""
        raise NotImplementedError("define the fixture `data_path`")

    @pytest.fixture
    def info(self, family: BackboneFamily) -> BackboneInfo:
        """The smallest curated encoder."""
        return min(family.curated(), key=lambda info: (info.parameters, info.gigaflops))

    @pytest.fixture
    def weights(self) -> WeightFile | None:
        """What lies beside the weights."""
        return None

    @pytest.fixture
    def batch(
        self,
        family: BackboneFamily,
        info: BackboneInfo,
        modality: Modality,
        data_path: Path,
        weights: WeightFile | None,
    ) -> tuple[State, Any]:
        """What the family learned, and the inputs of two rows."""
        claim = modality.recognize(data_path)
        assert claim is not None and info.inputs.kind in modality.kinds
        rows = modality.scan(claim.task).rows
        state, recipe = modality.fit(rows, modality.read), _recipe(info)
        view = modality.view(info.inputs, recipe, state, strength="none")
        samples = [Sample.of(modality.read(row)) for row in rows[:2]]
        seen = [view(Example(one.data, meta=one.meta), np.random.default_rng(0)).inputs for one in samples]
        return family.fit(info, rows, modality.read, weights), modality.collate(seen)

    def test_its_encoders_are_named_after_it(self, family: BackboneFamily) -> None:
        infos = family.curated()
        names = [info.name for info in infos]
        assert family.prefix and "/" not in family.prefix and len(set(names)) == len(names)
        assert all(name.startswith(f"{family.prefix}/") for name in names)
        for info in infos:
            assert 0 <= info.prior <= 1 and info.gives and set(info.gives) <= set(AXES)
            assert BackboneInfo.parse(info.plain(), info.name) == info
            assert family.ignores(info) <= set(SHARED)

    def test_listing_it_imports_nothing_heavy(self, family: BackboneFamily) -> None:
        check_light(family, call="curated")

    def test_names_and_patterns_find_encoders(self, family: BackboneFamily, info: BackboneInfo) -> None:
        assert info in family.match(info.name.removeprefix(f"{family.prefix}/"))
        assert not family.match("no-such-encoder-*")

    def test_a_strange_path_holds_no_weights_of_it(self, family: BackboneFamily, tmp_path: Path) -> None:
        assert family.local(tmp_path) is None

    def test_encoding_gives_what_was_announced(
        self, family: BackboneFamily, info: BackboneInfo, batch: tuple[State, Any]
    ) -> None:
        state, inputs = batch
        check_state(state)
        encoder = family.build(info, _recipe(info), state, None).eval()
        encoded, again = _encoded(encoder, inputs), _encoded(encoder, inputs)
        assert set(info.gives) <= set(encoded), f"{info.name} announces {set(info.gives)}, gives {set(encoded)}"
        for key in info.gives:
            axes, wide = AXES[key]
            value = encoded[key]
            assert len(value) == 2 and value.ndim == (axes or value.ndim) and torch.isfinite(value).all()
            assert value.shape[wide] == encoder.widths[key]
            assert torch.equal(value, again[key]), "an encoder in evaluation mode draws nothing"

    def test_one_seed_builds_one_encoder(
        self, family: BackboneFamily, info: BackboneInfo, batch: tuple[State, Any]
    ) -> None:
        """Also from what a predictor loads."""
        state, inputs = batch
        torch.manual_seed(0)
        first = family.build(info, _recipe(info), state, None).eval()
        torch.manual_seed(0)
        second = family.build(info, _recipe(info), check_state(state), None).eval()
        before, after = _encoded(first, inputs), _encoded(second, inputs)
        assert all(torch.equal(before[key], after[key]) for key in before)

    def test_a_row_alone_is_encoded_as_among_others(
        self, family: BackboneFamily, info: BackboneInfo, batch: tuple[State, Any]
    ) -> None:
        state, inputs = batch
        encoder = family.build(info, _recipe(info), state, None).eval()
        alone = next(Batch(inputs, (), ("a", "b"), torch.ones(2)).split(1))
        among, single = _encoded(encoder, inputs)["pooled"], _encoded(encoder, alone.inputs)["pooled"]
        torch.testing.assert_close(single, among[:1], rtol=1e-3, atol=1e-4)

    def test_blocks_hold_every_parameter_once(
        self, family: BackboneFamily, info: BackboneInfo, batch: tuple[State, Any]
    ) -> None:
        encoder = family.build(info, _recipe(info), batch[0], None)
        blocks = [name for block in encoder.blocks() for name in block]
        assert sorted(blocks) == sorted(name for name, _ in encoder.named_parameters())

    def test_it_can_be_trained_in_mixed_precision(
        self, family: BackboneFamily, info: BackboneInfo, batch: tuple[State, Any]
    ) -> None:
        state, inputs = batch
        encoder = family.build(info, _recipe(info), state, None).train()
        if not any(True for _ in encoder.parameters()):
            pytest.skip("nothing in it is trained")
        with torch.autocast("cpu", torch.bfloat16):
            pooled = encoder(inputs)["pooled"]
        pooled.float().square().mean().backward()
        gradients = [weight.grad for weight in encoder.parameters() if weight.grad is not None]
        assert gradients and all(torch.isfinite(gradient).all() for gradient in gradients)

    def test_weights_can_be_put_into_a_new_encoder(
        self, family: BackboneFamily, info: BackboneInfo, batch: tuple[State, Any]
    ) -> None:
        state, inputs = batch
        torch.manual_seed(0)
        first = family.build(info, _recipe(info), state, None).eval()
        torch.manual_seed(1)
        second = family.build(info, _recipe(info), state, None).eval()
        second.load_state_dict(first.state_dict())
        before, after = _encoded(first, inputs), _encoded(second, inputs)
        assert all(torch.equal(before[key], after[key]) for key in before)

    def test_a_damaged_file_of_weights_is_refused(
        self, family: BackboneFamily, info: BackboneInfo, batch: tuple[State, Any], tmp_path: Path
    ) -> None:
        damaged = tmp_path / "model.safetensors"
        damaged.write_bytes(b"not weights")
        with pytest.raises(BadWeights):
            family.build(info, _recipe(info), batch[0], WeightFile(source="test", path=str(damaged)))


def _encoded(encoder: Encoder, inputs: Any) -> dict[str, Tensor]:
    with torch.inference_mode():
        return {key: value.to_dense() for key, value in encoder(inputs).items()}


def _recipe(info: BackboneInfo) -> Recipe:
    return Recipe(backbone=info.name, strategy="any")
