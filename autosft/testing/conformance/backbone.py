"""What every family of backbones promises: `BackboneConformance`."""

# ruff: noqa: D102 (the name of a test is its docstring)

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from autosft.contracts.backbone import BackboneFamily, BackboneInfo, WeightFile
from autosft.contracts.modality import Example, Modality, Sample
from autosft.contracts.recipe import SHARED, Recipe
from autosft.contracts.space import defaults
from autosft.contracts.state import State
from autosft.contracts.tensors import Batch, Encoder
from autosft.errors import BadInput, BadWeights
from autosft.testing.conformance.masking import check_masked
from autosft.testing.conformance.promises import (
    Offline,
    check_light,
    check_plain,
    check_state,
    extremes,
    leaves,
    loose,
)
from autosft.testing.conformance.views import recipe_for
from autosft.testing.trials import usual_recipe

AXES = {"pooled": (2, 1), "tokens": (3, 2), "maps": (4, 1), "logits": (None, -1)}
"""For each output how many axes it has, and which of them is its width."""

PARAMETERS_OFF = 2.0
"""The number of parameters that an encoder announces is not off by more than this factor: memory is planned by it."""


class BackboneConformance(Offline):
    """Checks that a family lists encoders without importing anything heavy, and that one of them gives what it
    announces: of the right shape, width and type, the same each time, for a row alone as among others, and with weights
    that can be trained, saved and put back.

    A subclass gives the fixtures `family`, and a `modality` with a `data_path` that it can encode; `info` where another
    encoder than the smallest curated one is to be built, and `weights` where `fit` takes something from beside them.

    A check that fails names what a search would do wrong without noticing, such as keeping features of another width,
    or answering a row otherwise than it was validated.
    """

    @pytest.fixture
    def family(self) -> BackboneFamily:
        """The family to test."""
        raise NotImplementedError("define the fixture `family`")

    @pytest.fixture
    def modality(self) -> Modality:
        """A modality whose `kinds` hold the kind of inputs that the encoder takes."""
        raise NotImplementedError("define the fixture `modality`")

    @pytest.fixture
    def data_path(self) -> Path:
        """Data that the modality recognizes, with two or more rows."""
        raise NotImplementedError("define the fixture `data_path`")

    @pytest.fixture
    def info(self, family: BackboneFamily) -> BackboneInfo:
        """The encoder to build; by default the smallest curated one."""
        return min(family.curated(), key=lambda info: (info.parameters, info.gigaflops))

    @pytest.fixture
    def weights(self) -> WeightFile | None:
        """What `fit` takes from beside the weights, such as a tokenizer; by default nothing."""
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
        """What the family learned, and the inputs of two rows; made of the other fixtures."""
        inferred = modality.recognize(data_path)
        assert inferred is not None and info.inputs.kind in modality.kinds
        rows = modality.scan(inferred.task).rows
        state, recipe = modality.fit(rows, modality.read), recipe_for(modality)
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
            assert family.space_for(info).items() <= family.space.items(), "space_for narrows the family's space"
        assert isinstance(family.version(), str) and family.version() == family.version()

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
        encoder = family.build(info, _recipe(family, info), state, None).eval()
        encoded, again = _encoded(encoder, inputs), _encoded(encoder, inputs)
        assert set(info.gives) <= set(encoded), f"{info.name} announces {set(info.gives)}, gives {set(encoded)}"
        for key in info.gives:
            axes, wide = AXES[key]
            value = encoded[key]
            assert len(value) == 2 and value.ndim == (axes or value.ndim) and torch.isfinite(value).all()
            announced = encoder.widths.get(key)
            assert value.shape[wide] == announced, (
                f"{key} is {value.shape[wide]} wide, and widths announces {announced}"
            )
            assert value.dtype == torch.float32, f"{key} is of the type {value.dtype}; heads compute in float32"
            assert value.device == _device(inputs), f"{key} lies on {value.device}, and the inputs on {_device(inputs)}"
            assert torch.equal(value, again[key]), "an encoder in evaluation mode draws nothing"
        if (mask := encoded.get("mask")) is not None:
            assert mask.dtype == torch.bool and mask.shape == encoded["tokens"].shape[:2], (
                "mask is (rows, length), bool"
            )

    def test_what_it_learns_can_be_learned_again(
        self,
        family: BackboneFamily,
        info: BackboneInfo,
        modality: Modality,
        data_path: Path,
        weights: WeightFile | None,
        batch: tuple[State, Any],
    ) -> None:
        inferred = modality.recognize(data_path)
        assert inferred is not None
        again = family.fit(info, modality.scan(inferred.task).rows, modality.read, weights)
        assert again == batch[0], "fit gives another state of the same rows"

    def test_the_number_of_its_parameters_is_about_what_it_announces(
        self, family: BackboneFamily, info: BackboneInfo, batch: tuple[State, Any], weights: WeightFile | None
    ) -> None:
        parameters = family.build(info, _recipe(family, info), batch[0], None).parameters()
        built = sum(parameter.numel() for parameter in parameters)
        if not info.parameters or not built or weights:
            pytest.skip("it does not say how many it has, has none, or is built of what lies beside its weights")
        assert built / PARAMETERS_OFF <= info.parameters <= built * PARAMETERS_OFF, f"it has {built}"

    def test_every_choice_of_its_space_builds_an_encoder(
        self, family: BackboneFamily, info: BackboneInfo, batch: tuple[State, Any]
    ) -> None:
        state, inputs = batch
        space = family.space_for(info)
        if not space:
            pytest.skip("it has no parameters of its own")
        for name, parameter in space.items():
            for value in extremes(parameter):
                own = {family.prefix: {**defaults(space), name: value}}
                encoder = family.build(info, _recipe(family, info).changed(own=own), state, None).eval()
                assert torch.isfinite(_encoded(encoder, inputs)["pooled"]).all(), f"{name}={value}"

    def test_all_that_it_knows_moves_with_it_and_can_be_copied(
        self, family: BackboneFamily, info: BackboneInfo, batch: tuple[State, Any]
    ) -> None:
        """To another device, into a file, and into the average of its weights."""
        state, inputs = batch
        encoder = family.build(info, _recipe(family, info), state, None).eval()
        left = loose(encoder)
        assert not left, f"register {', '.join(left)} as buffers: as plain attributes they stay behind on the CPU"
        strange = [name for name, value in encoder.state_dict().items() if not isinstance(value, Tensor)]
        assert not strange, f"{', '.join(strange)} in its state_dict are no tensors, and cannot be saved"
        before, after = _encoded(encoder, inputs), _encoded(copy.deepcopy(encoder), inputs)
        assert all(torch.equal(before[key], after[key]) for key in before), "its copy gives something else"

    def test_its_graph_gives_the_same(
        self, family: BackboneFamily, info: BackboneInfo, batch: tuple[State, Any]
    ) -> None:
        state, inputs = batch
        encoder = family.build(info, _recipe(family, info), state, None).eval()
        try:
            graph = encoder.graph()
            tensors = graph.tensors(inputs)
        except BadInput as reason:
            pytest.skip(f"it cannot be exported: {reason}")
        check_plain(dict(graph.preparation))
        with torch.inference_mode():
            given = graph.module(*tensors.values())
        torch.testing.assert_close(given["pooled"], _encoded(encoder, inputs)["pooled"], rtol=1e-3, atol=1e-4)

    def test_one_seed_builds_one_encoder(
        self, family: BackboneFamily, info: BackboneInfo, batch: tuple[State, Any]
    ) -> None:
        """Also from what a predictor loads."""
        state, inputs = batch
        torch.manual_seed(0)
        first = family.build(info, _recipe(family, info), state, None).eval()
        torch.manual_seed(0)
        second = family.build(info, _recipe(family, info), check_state(state), None).eval()
        before, after = _encoded(first, inputs), _encoded(second, inputs)
        assert all(torch.equal(before[key], after[key]) for key in before)

    def test_what_it_hides_from_itself_it_has_not_seen(
        self, family: BackboneFamily, info: BackboneInfo, batch: tuple[State, Any]
    ) -> None:
        if not info.hides:
            pytest.skip("it hides nothing from itself")
        check_masked(family.build(info, _recipe(family, info), batch[0], None).eval(), info.hides, batch[1])

    def test_a_row_alone_is_encoded_as_among_others(
        self, family: BackboneFamily, info: BackboneInfo, batch: tuple[State, Any]
    ) -> None:
        """Of each output; where rows differ in length, of the tokens that the row has alone."""
        state, inputs = batch
        encoder = family.build(info, _recipe(family, info), state, None).eval()
        among = _encoded(encoder, inputs)
        for place, single in enumerate(Batch(inputs, (), ("a", "b"), torch.ones(2)).split(1)):
            single = _encoded(encoder, single.inputs)
            for key in info.gives:
                cut = tuple(map(slice, single[key].shape[1:]))
                one, other = single[key], among[key][place : place + 1][(slice(None), *cut)]
                said = f"{key} of row {place + 1} depends on the rows beside it"
                torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4, msg=said)

    def test_blocks_hold_every_parameter_once(
        self, family: BackboneFamily, info: BackboneInfo, batch: tuple[State, Any]
    ) -> None:
        encoder = family.build(info, _recipe(family, info), batch[0], None)
        blocks = [name for block in encoder.blocks() for name in block]
        assert sorted(blocks) == sorted(name for name, _ in encoder.named_parameters())

    def test_it_can_be_trained_in_mixed_precision(
        self, family: BackboneFamily, info: BackboneInfo, batch: tuple[State, Any]
    ) -> None:
        state, inputs = batch
        encoder = family.build(info, _recipe(family, info), state, None).train()
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
        first = family.build(info, _recipe(family, info), state, None).eval()
        torch.manual_seed(1)
        second = family.build(info, _recipe(family, info), state, None).eval()
        second.load_state_dict(first.state_dict())
        before, after = _encoded(first, inputs), _encoded(second, inputs)
        assert all(torch.equal(before[key], after[key]) for key in before)

    def test_a_damaged_file_of_weights_is_refused(
        self, family: BackboneFamily, info: BackboneInfo, batch: tuple[State, Any], tmp_path: Path
    ) -> None:
        damaged = tmp_path / "model.safetensors"
        damaged.write_bytes(b"not weights")
        file = WeightFile(source="test", path=str(damaged))
        try:
            family.build(info, _recipe(family, info), batch[0], file)
        except BadWeights:
            return
        pytest.fail("build ignores a file of weights that it cannot use; raise BadWeights, also if it takes none")


def _encoded(encoder: Encoder, inputs: Any) -> dict[str, Tensor]:
    with torch.inference_mode():
        return {key: value.to_dense() for key, value in encoder(inputs).items()}


def _device(inputs: Any) -> torch.device:
    """Where the inputs lie; lists of texts lie with the CPU."""
    tensors = [leaf for leaf in leaves(inputs) if isinstance(leaf, Tensor)]
    return tensors[0].device if tensors else torch.device("cpu")


def _recipe(family: BackboneFamily, info: BackboneInfo) -> Recipe:
    return usual_recipe(info.name, family.prefix, family.space_for(info))
