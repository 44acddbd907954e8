"""Checks that several contracts share: light imports, no network, plain values, equal tensors."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from autosft.contracts.space import Choice, Parameter, Value
from autosft.contracts.state import State

HEAVY = ("torch", "timm", "torchvision", "torchaudio", "sklearn", "optuna", "pandas", "transformers", "plotly", "ray")


_NO_NETWORK = """
import sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise RuntimeError("offering a part asks the network; ask where it starts to work")

sys.addaudithook(refuse)
"""


class Offline:
    """For tests of parts that have no business in a network: whatever asks for a connection there fails."""

    @pytest.fixture(autouse=True)
    def no_network(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Sockets of this machine alone, such as those between processes, still connect."""
        connect = socket.socket.connect

        def guarded(self: socket.socket, address: Any) -> None:
            local = self.family == socket.AF_UNIX or address[0] in ("127.0.0.1", "::1", "localhost")
            assert local, f"it asks the network: {address!r}"
            connect(self, address)

        monkeypatch.setattr(socket.socket, "connect", guarded)


def check_light(part: Any, *, call: str = "") -> None:
    """Importing the part's module, making the part and calling one of its methods imports nothing heavy, and asks no
    network."""
    module, name = type(part).__module__, type(part).__qualname__
    if module.rpartition(".")[2].startswith("test_") or "<locals>" in name:
        pytest.skip("a part that is defined in a test is offered by no plugin")
    code = (
        f"{_NO_NETWORK}import importlib\n"
        f"part = importlib.import_module({module!r}).{name}\n"
        + (f"part().{call}()\n" if call else "")
        + f"print(*({set(HEAVY)!r} & set(sys.modules)))"
    )
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr
    loaded = child.stdout.split()
    assert not loaded, f"offering {name} imports {', '.join(loaded)}; import it where the part starts to work"


def loose(encoder: nn.Module) -> list[str]:
    """The plain attributes of its modules that hold tensors which are registered nowhere."""
    registered = {id(tensor) for tensor in (*encoder.parameters(), *encoder.buffers())}
    own = {"_parameters", "_buffers", "_modules"}
    return [
        f"{type(module).__name__}.{name}"
        for module in encoder.modules()
        for name, value in vars(module).items()
        if name not in own and any(id(tensor) not in registered for tensor in _tensors_in(value))
    ]


def _tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors in nested lists, tuples and mappings."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple, dict)):
        for entry in value.values() if isinstance(value, dict) else value:
            yield from _tensors_in(entry)


def check_plain(value: Any) -> None:
    """The value is plain JSON, without NaN."""
    json.dumps(value, allow_nan=False)


def check_state(state: State) -> State:
    """The state survives being saved; what a process gets that loads it."""
    arrays: dict[str, Any] = {}
    try:
        plain = json.loads(json.dumps(state.plain("part", arrays), allow_nan=False))
    except (TypeError, ValueError) as error:
        pytest.fail(f"a state's values must be plain JSON: {error}")
    for name, value in state.values.items():
        loaded = plain["values"].get(name)
        assert loaded == value, f"a state's values must be plain JSON: {name!r} is {value!r}, and loaded {loaded!r}"
    assert all(array.dtype.kind in "biuf" for array in arrays.values()), "a state's arrays must be numeric"
    loaded = State.from_plain(plain, "part", arrays)
    assert loaded.digest() == state.digest()
    return loaded


def extremes(parameter: Parameter) -> tuple[Value, ...]:
    """Every option of a choice, or both ends of a range."""
    return parameter.options if isinstance(parameter, Choice) else (parameter.low, parameter.high)


def leaves(value: Any) -> Iterator[Any]:
    """The tensors and lists in nested mappings and tuples: what has one entry per row."""
    if isinstance(value, Mapping):
        for entry in value.values():
            yield from leaves(entry)
    elif isinstance(value, tuple):
        for entry in value:
            yield from leaves(entry)
    else:
        yield value


def check_equal(first: torch.nn.Module, second: torch.nn.Module) -> None:
    """Weights and buffers are the same, to the bit."""
    one: dict[str, Tensor] = first.state_dict()
    other: dict[str, Tensor] = second.state_dict()
    assert list(one) == list(other)
    different = [name for name in one if not torch.equal(one[name], other[name])]
    assert not different, f"these weights differ: {', '.join(different)}"


def equal(first: Any, second: Any) -> bool:
    """Whether two decoded samples hold the same: arrays, tensors and pictures by their bytes."""
    if hasattr(first, "tobytes"):
        return bool(type(first) is type(second) and first.tobytes() == second.tobytes())
    return same(first, second)


def same(first: Any, second: Any) -> bool:
    """Whether two nested values hold the same numbers, bit for bit."""
    if isinstance(first, Tensor):
        return isinstance(second, Tensor) and torch.equal(first, second)
    if isinstance(first, Mapping):
        return list(first) == list(second) and all(same(first[key], second[key]) for key in first)
    if isinstance(first, Sequence) and not isinstance(first, str):
        return len(first) == len(second) and all(map(same, first, second))
    return bool(first == second)
