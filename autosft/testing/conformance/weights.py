"""What every source of weights promises."""

# ruff: noqa: D102 (the name of a test is its docstring)

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from autosft.contracts.backbone import BackboneInfo, Inputs, WeightFile, WeightSource
from autosft.testing.conformance.promises import check_light
from autosft.training.weights import weights_in


class WeightSourceConformance:
    """Checks that a source of weights finds nothing that it does not know, asks no network before it is asked for
    something, and brings what it finds as it said.

    A subclass gives the fixture `source`; with `known`, an encoder whose weights it has without a network, it is also
    made to bring them.

    A check that fails names what would make a search begin with weights that are not there, or are others.
    """

    @pytest.fixture
    def source(self) -> WeightSource:
        """The source to test."""
        raise NotImplementedError("define the fixture `source`")

    @pytest.fixture
    def known(self) -> BackboneInfo | None:
        """An encoder whose weights it has, if that can be tested without a network."""
        return None

    def test_it_has_a_name_and_an_order(self, source: WeightSource) -> None:
        assert source.name and isinstance(source.order, int)

    def test_offering_it_imports_nothing_heavy(self, source: WeightSource) -> None:
        check_light(source)

    @pytest.mark.parametrize("pretrained", [{}, {"nowhere": "no-such-weights"}])
    def test_it_does_not_find_what_it_does_not_know(self, source: WeightSource, pretrained: dict[str, str]) -> None:
        info = BackboneInfo(name="any/any", inputs=Inputs(kind="any"), pretrained=pretrained)
        assert source.find(info) is None

    def test_a_file_that_is_here_needs_no_fetching(self, source: WeightSource, tmp_path: Path) -> None:
        here = WeightFile(source=source.name, path=str(tmp_path / "model.safetensors"))
        assert source.fetch(here) == here

    def test_what_it_finds_it_brings(self, source: WeightSource, known: BackboneInfo | None) -> None:
        if known is None:
            pytest.skip("the fixture `known` gives no backbone whose weights it has")
        found = source.find(known)
        assert found is not None, f"it has no weights of {known.name}"
        assert found.source == source.name and (found.path or found.remote)
        file = source.fetch(found)
        path = Path(file.path)
        path = weights_in(path) if path.is_dir() else path
        assert path is not None, "a folder holds weights under one of the usual names"
        content = path.read_bytes()
        assert content and (not file.sha256 or hashlib.sha256(content).hexdigest() == file.sha256)
