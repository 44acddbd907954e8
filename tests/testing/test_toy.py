"""The toy plugin keeps every contract, and the real host finds it in a child process."""

import json
import os
import subprocess
import sys

import pytest

from autosft.errors import BadInput
from autosft.testing.conformance import BackboneConformance, ModalityConformance, StrategyConformance
from autosft.testing.toy import ToyFamily, ToyModality, ToyStrategy, make_points, write_distribution
from autosft.testing.trials import points_task


@pytest.fixture
def points(tmp_path):
    return make_points(tmp_path / "clouds.points.json", rows=24)


class TestToyModality(ModalityConformance):
    @pytest.fixture
    def modality(self):
        return ToyModality()

    @pytest.fixture
    def data_path(self, points):
        return points


class TestToyFamily(BackboneConformance):
    @pytest.fixture
    def family(self):
        return ToyFamily()

    @pytest.fixture
    def modality(self):
        return ToyModality()

    @pytest.fixture
    def data_path(self, points):
        return points


class TestToyStrategy(StrategyConformance):
    @pytest.fixture
    def strategy(self):
        return ToyStrategy()


def test_what_cannot_be_used_is_skipped_and_never_silence(tmp_path):
    path = tmp_path / "bad.points.json"
    rows = [
        {"x": [1.0, 2.0], "label": "a"},
        {"x": [1.0, float("nan")], "label": "a"},
        {"x": [1.0, None], "label": "a"},
        {"x": [1.0], "label": "a"},
        {"label": "a"},
        {"x": [1.0, 2.0]},
        {"x": [1.0, 2.0], "label": "a", "split": "tset"},
        {"x": [3.0, 4.0], "label": "b", "split": "test"},
    ]
    path.write_text(json.dumps({"rows": rows, "unlabeled": [[1.0, 2.0], [1.0]]}))
    scan = ToyModality().scan(points_task(path))
    assert scan.rows.id.tolist() == ["row-0", "row-7"]
    assert scan.unlabeled.id.tolist() == ["unlabeled-0"]
    assert [skip.ref for skip in scan.skipped] == [f"row-{n}" for n in range(1, 7)] + ["unlabeled-1"]


def test_a_file_that_is_no_json_is_refused_by_name(tmp_path):
    path = tmp_path / "bad.points.json"
    path.write_text("[1, 2")
    with pytest.raises(BadInput, match=r"bad\.points\.json"):
        ToyModality().scan(points_task(path))


def test_the_same_seed_writes_the_same_points(tmp_path):
    first, second = (make_points(tmp_path / f"{n}.points.json", seed=5) for n in range(2))
    assert first.read_bytes() == second.read_bytes()


def test_a_child_process_finds_the_toy_plugin_by_its_entry_point(tmp_path):
    write_distribution(tmp_path)
    code = (
        "from autosft.host.loading import load; import sys; r = load(); r.strategy('toy'); r.modality('points');"
        "assert r.family('tiny/wide').curated(); assert 'torch' not in sys.modules; "
        "print([p.title for p in r.plugins if p.distribution == 'autosft-toy'])"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "AUTOSFT_STRICT_PLUGINS": "1"}
    child = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert child.stdout == "['autosft-toy 1.0 (toy)']\n", child.stderr
