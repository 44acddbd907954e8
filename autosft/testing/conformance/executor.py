"""What every executor promises."""

# ruff: noqa: D102 (the name of a test is its docstring)

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from autosft.contracts.executor import Event, Executor, Order, Pool
from autosft.contracts.recipe import Recipe
from autosft.contracts.record import Record
from autosft.testing.conformance.promises import check_light

PATIENCE_SECONDS = 60.0
"""A worker may have to import torch first, on a busy machine."""


class ExecutorConformance:
    """Needs the fixture `executor`."""

    @pytest.fixture
    def executor(self) -> Executor:
        """The executor to test."""
        raise NotImplementedError("define the fixture `executor`")

    @pytest.fixture
    def pool(self, executor: Executor, tmp_path: Path) -> Iterator[Pool]:
        """One worker on the CPU."""
        pool = executor.open(slots=1, threads=1, device="cpu", log=str(tmp_path / "logs" / "worker.log"))
        yield pool
        pool.close()

    def test_it_has_a_name(self, executor: Executor) -> None:
        assert executor.name

    def test_offering_it_imports_nothing_heavy(self, executor: Executor) -> None:
        check_light(executor)

    def test_nothing_happens_without_an_order(self, pool: Pool) -> None:
        assert pool.slots == 1
        started = time.monotonic()
        assert not pool.events(0.2)
        assert time.monotonic() - started < 5
        pool.cancel("no-such-token")

    def test_every_order_is_answered(self, pool: Pool, tmp_path: Path) -> None:
        """A cancelled order is lost, and one that cannot be done gives a record that says why."""
        pool.submit(_order(tmp_path, "first", trial=1))
        pool.cancel("first")
        lost = _answer(pool, "first")
        assert lost.kind == "lost" and lost.body.get("reason")
        pool.submit(_order(tmp_path, "second", trial=2))
        done = _answer(pool, "second")
        assert done.kind == "done"
        record = Record.parse(done.body, "event")
        assert record.number == 2 and record.state == "failed" and record.error


def _order(tmp_path: Path, token: str, *, trial: int) -> Order:
    """An order for a run that does not exist."""
    recipe = Recipe(backbone="toy/narrow", strategy="toy")
    return Order(run=str(tmp_path / "no-run"), trial=trial, token=token, recipe=recipe, seconds=30.0)


def _answer(pool: Pool, token: str) -> Event:
    """The event that ends an order."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        for event in pool.events(1.0):
            if event.token == token and event.kind in ("done", "lost"):
                return event
    raise AssertionError(f"no answer to the order {token!r} within {PATIENCE_SECONDS:.0f} seconds")
