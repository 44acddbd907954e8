"""How much memory there is for processes like this one: of this machine, and of its graphics cards; and how much this
one has used. Without torch."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil

PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")


def free_bytes(proc: Path = PROC, cgroups: Path = CGROUPS) -> float:
    """What the kernel says is available, or less where a group of processes, such as a container, allows less: psutil
    knows of no groups.

    Args:
        proc: Where Linux tells of the groups that this process is in.
        cgroups: Where the limits of the groups stand, of version 2 or 1. Files that the kernel would drop from memory
            count as free there too.
    """
    return min([psutil.virtual_memory().available, *_of_groups(proc, cgroups)])


def most_used_bytes(proc: Path = PROC) -> int:
    """The most memory that this process has had. `getrusage` counts what the process had that started it, too, and is
    asked where there is nothing else."""
    with suppress(OSError):
        if said := re.search(r"^VmHWM:\s*(\d+) kB", (proc / "self" / "status").read_text(), re.MULTILINE):
            return int(said[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def card_bytes() -> list[float]:
    """The memory of each NVIDIA card that CUDA may use; empty where there is none, or the tool does not say."""
    tool, visible = shutil.which("nvidia-smi"), os.environ.get("CUDA_VISIBLE_DEVICES")
    if tool is None or visible == "":
        return []
    command = [
        tool,
        "--query-gpu=memory.total",
        "--format=csv,noheader,nounits",
        *([f"--id={visible}"] if visible else []),
    ]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
        return [float(line) * 2**20 for line in said.split()]
    except (OSError, subprocess.SubprocessError, ValueError):
        return []


def _of_groups(proc: Path, cgroups: Path) -> list[float]:
    """What is left to each group that this process is in, and to those around it."""
    left: list[float] = []
    try:
        lines = (proc / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return left
    for _, controllers, name in (line.split(":", 2) for line in lines if line.count(":") >= 2):
        old = "memory" in controllers.split(",")
        if controllers and not old:
            continue
        root = cgroups / "memory" if old else cgroups
        limit, used, idle = _OLD if old else _NEW
        for folder in [(root / name.lstrip("/")), *(root / name.lstrip("/")).parents]:
            if not folder.is_relative_to(root):
                break
            with suppress(OSError, ValueError):  # no limit at this place, or it says "max"
                most = int((folder / limit).read_text())
                taken = int((folder / used).read_text())
                dropped = re.search(rf"^{idle} (\d+)$", (folder / "memory.stat").read_text(), re.MULTILINE)
                left.append(max(0, most - taken + int(dropped[1] if dropped else 0)))
    return left


_NEW = ("memory.max", "memory.current", "inactive_file")
_OLD = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
