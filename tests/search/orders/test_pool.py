"""An executor of a plugin that fails is named in one line, whatever it does wrong."""

import pytest

from autosft.contracts.executor import Event, Executor, Order, Pool
from autosft.errors import BadInput, PluginBroken
from autosft.search.orders.pool import NamedPool
from autosft.testing.trials import quick_recipe

BODIES = [("started", {}), ("epoch", {"number": 1}), ("done", {}), ("lost", {})]


class Away(Pool):
    slots = 1

    def __init__(self, events=()):
        self.waiting = events

    def _fail(self, *given):
        raise ConnectionError("the cluster\nis away.")

    submit = cancel = _fail

    def events(self, timeout):
        return self.waiting or self._fail()

    def close(self):
        self._fail()


class Cluster(Executor):
    name = "cluster"

    def open(self, *, slots, threads, device, processes, log):
        raise ConnectionError("the cluster\nis away.")


def order():
    return Order(run="run", trial=0, token="one", recipe=quick_recipe("toy"), seconds=None)


def test_whatever_an_executor_raises_names_it_in_one_line():
    pool = NamedPool(Away(), "cluster")
    settings = {"slots": 1, "threads": 1, "device": "cpu", "processes": 1, "log": "log"}
    for call in (
        lambda: NamedPool.open(Cluster(), **settings),
        lambda: pool.submit(order()),
        lambda: pool.events(0.1),
        lambda: pool.cancel("one"),
        pool.close,
    ):
        with pytest.raises(PluginBroken) as caught:
            call()
        assert "'cluster'" in str(caught.value) and "\n" not in str(caught.value)
        assert str(caught.value).endswith("raised ConnectionError: the cluster is away.")


def test_an_executor_that_lacks_a_setting_says_so_in_its_own_words():
    class Unset(Executor):
        name = "unset"

        def open(self, *, slots, threads, device, processes, log):
            raise BadInput("CLUSTER is not set.")

    with pytest.raises(BadInput, match=r"^CLUSTER is not set\.$"):
        NamedPool.open(Unset(), slots=1, threads=1, device="cpu", processes=1, log="log")


@pytest.mark.parametrize(("kind", "body"), BODIES)
def test_an_event_without_what_it_must_carry_names_the_executor_and_what_is_missing(kind, body):
    pool = NamedPool(Away([Event(token="one", kind=kind, body=body)]), "cluster")

    with pytest.raises(PluginBroken, match=f"'cluster'.*body of an event '{kind}'.*: Field required"):
        pool.events(0.1)
