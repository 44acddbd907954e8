"""How much memory is free: what the kernel says, or less where a group of processes may take less."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import psutil
import pytest

from autosft.data.memory import card_bytes, free_bytes, most_used_bytes

MEMINFO = {
    "MemTotal": 16_000_000, "MemFree": 1_000_000, "MemAvailable": 8_000_000, "Buffers": 0, "Cached": 7_000_000,
    "Active": 0, "Inactive": 0, "Shmem": 0, "Slab": 0, "SReclaimable": 0,
}  # fmt: skip


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A function that lays out what Linux tells: 8 GB are available, and each group has what is given."""

    def tell(membership, **groups):
        proc, cgroups = tmp_path / "proc", tmp_path / "cgroup"
        (proc / "self").mkdir(parents=True)
        (proc / "meminfo").write_text("".join(f"{name}: {size} kB\n" for name, size in MEMINFO.items()))
        monkeypatch.setattr(psutil, "PROCFS_PATH", str(proc))
        (proc / "self" / "cgroup").write_text(membership)
        cgroups.mkdir()
        for name, files in groups.items():
            folder = cgroups / name.replace("__", "/").strip("/")
            folder.mkdir(parents=True, exist_ok=True)
            for file, content in files.items():
                (folder / file.replace("__", ".")).write_text(content)
        return free_bytes(proc, cgroups)

    return tell


def limited(most, used, idle=0):
    return {"memory__max": str(most), "memory__current": str(used), "memory__stat": f"anon 5\ninactive_file {idle}\n"}


def test_without_a_limit_it_is_what_the_kernel_says(machine):
    assert machine("0::/\n") == 8_000_000 * 1024


def test_a_group_that_says_max_has_no_limit(machine):
    assert machine("0::/user\n", user=limited("max", 10**9)) == 8_000_000 * 1024


def test_a_limit_counts_less_what_is_used_but_not_what_the_kernel_would_drop(machine):
    assert machine("0::/user\n", user=limited(2 * 10**9, 10**9, 3 * 10**8)) == 1_300_000_000


def test_the_tightest_of_the_groups_around_counts(machine):
    groups = {"user": limited(10**9, 0), "user__session": limited(3 * 10**9, 0)}
    assert machine("0::/user/session\n", **groups) == 10**9


def test_groups_of_the_first_version_are_read_too(machine):
    files = {
        "memory__limit_in_bytes": "2000",
        "memory__usage_in_bytes": "500",
        "memory__stat": "inactive_file 7\ntotal_inactive_file 100\n",
    }
    assert machine("5:cpu,memory:/job\n1:cpuset:/job\n", memory__job=files) == 1600


def test_where_nothing_is_told_it_is_what_the_machine_has(tmp_path):
    assert free_bytes(tmp_path, tmp_path) > 2**28


def test_what_a_process_has_used_is_not_what_its_parent_had(tmp_path):
    code = "from autosft.data.memory import most_used_bytes; print(most_used_bytes())"
    content = b"x" * (200 << 20)

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert 2**20 < int(done.stdout) < len(content) < most_used_bytes()
    assert most_used_bytes(tmp_path) >= len(content)  # where the system does not say


def test_macos_counts_in_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")

    assert most_used_bytes(tmp_path) == resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.fixture
def cards(tmp_path, monkeypatch):
    """A function that installs a tool of the graphics driver: it knows two cards, or it fails."""

    def install(script):
        tool = tmp_path / "nvidia-smi"
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    return install


def test_the_cards_are_those_that_the_drivers_tool_names(cards, monkeypatch):
    cards('case "$*" in *--id=1*) echo 81559;; *) echo 8192; echo 81559;; esac')
    assert card_bytes() == [8192 * 2**20, 81559 * 2**20]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert card_bytes() == [81559 * 2**20]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert card_bytes() == []


def test_a_tool_that_fails_names_no_card(cards):
    cards("echo no devices were found; exit 6")
    assert card_bytes() == []
