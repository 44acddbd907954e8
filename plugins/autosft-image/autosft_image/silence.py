"""`silenced`: nothing is printed of a file by Pillow or the libraries behind it; what matters becomes an
`Unreadable`."""

from __future__ import annotations

import ctypes
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

_lock = threading.Lock()
_inside = 0
_filter: Any = None


@contextmanager
def silenced() -> Iterator[None]:
    """Silence what Pillow warns of, while any thread is inside.

    `warnings.catch_warnings` puts back the filters that it found on entering, which mixes them up between threads.
    Here the first thread in adds one filter, and the last one out takes that one away.
    """
    global _inside, _filter
    with _lock:
        _hush_libtiff()
        _inside += 1
        if _inside == 1:
            warnings.filterwarnings("ignore", module=r"(PIL|autosft_image)(\.|$)")
            _filter = warnings.filters[0]
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                with suppress(ValueError):  # someone has put back older filters meanwhile
                    warnings.filters.remove(_filter)  # pyright: ignore[reportAttributeAccessIssue]


@cache
def _hush_libtiff() -> None:
    """libtiff prints hundreds of lines of a damaged file, which Pillow cannot turn off: its own switch is asked for."""
    import PIL._imaging  # which loads it  # noqa: F401 # pyright: ignore[reportUnusedImport]

    with suppress(OSError, AttributeError):  # no such list of what is loaded, or another libtiff: then it prints
        for path in set(re.findall(r"/.*/libtiff[^/\n]*", Path("/proc/self/maps").read_text())):
            library = ctypes.CDLL(path)
            library.TIFFSetErrorHandler(None)
            library.TIFFSetWarningHandler(None)
