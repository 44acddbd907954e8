import json

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from autosft.contracts.backbone import WeightFile
from autosft.errors import BadWeights
from autosft.training.weights import load_weights, read_config, sha256_of_file, weights_in


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


def same(one, other):
    return all(torch.equal(tensor, other.state_dict()[key]) for key, tensor in one.state_dict().items())


def fresh():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


def test_a_folder_stands_for_the_file_of_weights_in_it(network, tmp_path):
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    target = fresh()
    load_weights(target, WeightFile(source="test", path=str(tmp_path), sha256=sha256_of_file(weights_in(tmp_path))))
    assert same(network, target)


def test_weights_in_parts_are_put_together(network, tmp_path):
    places = {key: f"part-{number % 2}.safetensors" for number, key in enumerate(network.state_dict())}
    for part in set(places.values()):
        save_file({k: t for k, t in network.state_dict().items() if places[k] == part}, tmp_path / part)
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    target = fresh()
    load_weights(target, WeightFile(source="test", path=str(tmp_path)))
    assert same(network, target)


def test_keys_are_renamed_then_dropped_and_the_rest_must_fit_exactly(network, tmp_path):
    tensors = {f"model.{key}": tensor for key, tensor in network.state_dict().items()}
    tensors["model.classifier.weight"] = torch.zeros(1)
    save_file(tensors, tmp_path / "w.safetensors")
    rename = ((r"^model\.", ""),)
    file = WeightFile(source="test", path=str(tmp_path / "w.safetensors"), rename=rename)
    target = fresh()
    load_weights(target, file, drop=[r"classifier\."])
    assert same(network, target)
    with pytest.raises(BadWeights, match=r"unexpected: classifier\.weight"):
        load_weights(target, file)
    with pytest.raises(BadWeights, match=r"missing: 0\.weight"):
        load_weights(target, file, drop=["classifier", r"0\.weight"])


def test_missing_replaced_and_damaged_files_are_named(network, tmp_path):
    with pytest.raises(BadWeights, match="no such file of weights"):
        load_weights(network, WeightFile(source="test", path=str(tmp_path)))
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(BadWeights, match="damaged or replaced"):
        load_weights(network, WeightFile(source="test", path=str(tmp_path), sha256="0" * 64))
    with pytest.raises(BadWeights, match="cannot be read as weights"):
        load_weights(network, WeightFile(source="test", path=str(tmp_path)))


def test_a_config_is_a_table_or_nothing(tmp_path):
    assert read_config(tmp_path / "config.json") is None
    (tmp_path / "config.json").write_text("[1]")
    assert read_config(tmp_path / "config.json") is None
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(BadWeights, match="JSON"):
        read_config(tmp_path / "config.json")
