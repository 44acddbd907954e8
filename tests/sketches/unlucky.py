"""Toy points of which one is bad luck for who reads it, or all of them a long wait."""

import multiprocessing
import os
import signal
import threading
import time

from autosft.api import Unreadable
from autosft.testing.toy import ToyModality

ROW = "row-21"


class Unlucky(ToyModality):
    """It cannot be read."""

    def read(self, row):
        if row.id == ROW:
            raise Unreadable(f"{ROW}: it is not there.")
        return super().read(row)


class Mortal(ToyModality):
    """A process that reads it beside the one that trains is ended, as when memory runs out."""

    def read(self, row):
        if row.id == ROW and multiprocessing.parent_process():
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(row)


_lock = threading.Lock()


class Slow(ToyModality):
    """Of the threads of a process, one at a time can read."""

    def read(self, row):
        with _lock:
            time.sleep(0.01)
        return super().read(row)
