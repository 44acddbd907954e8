"""`usable_cores`: on how many CPU cores this process may compute."""

from __future__ import annotations


def usable_cores() -> int:
    """The machine's cores, or fewer where the process is bound to some of them, or where a control group such as a
    container's allows less CPU time."""
    from joblib import cpu_count

    return cpu_count()
