"""`Inbox`: the orders that a worker is given.

It listens from the worker's first moment on, before torch is imported: where that takes long, an order has less time.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from typing import IO, final

from autosft.contracts.executor import Order

ROOM_TO_START = 5.0
"""So many seconds for which an order lies here its worker may overstay; the driver holds back as many of each order."""


@final
class Inbox:
    """Orders, one JSON document a line. When there can be no more, the process ends, amid an order too.

    Args:
        lines: Where they come from.
    """

    def __init__(self, lines: IO[str]) -> None:
        self._lines = lines
        self._orders: queue.Queue[tuple[Order, float]] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def next(self) -> Order:
        """The next order, with the seconds that are left of it; waits for it."""
        order, received = self._orders.get()
        return order.after(max(0.0, time.monotonic() - received - ROOM_TO_START))

    def _listen(self) -> None:
        for line in self._lines:
            self._orders.put((Order.model_validate_json(line), time.monotonic()))
        os._exit(0)  # the driver is gone, or wants no more
