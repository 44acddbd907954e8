"""`NamedPool`: the workers of an executor, whose errors are told with its name."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, Self, final

from autosft.contracts.document import Document
from autosft.contracts.executor import Event, Executor, Order, Pool
from autosft.contracts.record import Epoch, Record
from autosft.errors import BadInput, PluginBroken
from autosft.host.reading import blame


@final
class NamedPool(Pool):
    """Another pool, as the driver sees it.

    Args:
        pool: The other.
        name: The name of its executor.
    """

    def __init__(self, pool: Pool, name: str) -> None:
        self._pool, self._name, self.slots = pool, name, pool.slots

    @classmethod
    def open(cls, executor: Executor, **settings: Any) -> Self:
        """Have an executor start workers, as `Executor.open` is told to.

        Raises:
            BadInput: It says so: something that it needs is not set, or wrong.
            PluginBroken: It raises anything else.
        """
        with _blame(f"Opening the executor {executor.name!r}", spared=(SystemExit, BadInput)):
            return cls(executor.open(**settings), executor.name)

    def submit(self, order: Order) -> None:
        """Hand over an order.

        Raises:
            PluginBroken: The executor raises.
        """
        with _blame(f"The executor {self._name!r}, given an order,"):
            self._pool.submit(order)

    def events(self, timeout: float) -> Sequence[Event]:
        """What has happened.

        Raises:
            PluginBroken: The executor raises, or an event's body is not as `Event` says.
        """
        with _blame(f"The executor {self._name!r}, asked for events,"):
            return [_checked(event) for event in self._pool.events(timeout)]

    def cancel(self, token: str) -> None:
        """End the work on an order.

        Raises:
            PluginBroken: The executor raises.
        """
        with _blame(f"The executor {self._name!r}, told to end an order,"):
            self._pool.cancel(token)

    def close(self) -> None:
        """End all workers.

        Raises:
            PluginBroken: The executor raises.
        """
        with _blame(f"The executor {self._name!r}, told to close,"):
            self._pool.close()


@contextmanager
def _blame(doing: str, spared: tuple[type[BaseException], ...] = (SystemExit,)) -> Generator[None]:
    """As `blame`; but SIGTERM ends a search by `SystemExit`, wherever it may be, and is no error of an executor."""
    try:
        with blame(doing):
            yield
    except PluginBroken as error:
        if isinstance(error.__cause__, spared):
            raise error.__cause__ from None
        raise


class _Started(Document):
    versions: dict[str, str]


class _Lost(Document):
    reason: str
    out_of_memory: bool = False


_BODIES: dict[str, type[Document]] = {"started": _Started, "epoch": Epoch, "done": Record, "lost": _Lost}


def _checked(event: Event) -> Event:
    """The same event.

    Raises:
        BadInput: Its body is not what its kind carries.
    """
    _BODIES[event.kind].parse(event.body, f"the body of an event {event.kind!r}")
    return event
