"""How many cores there are to compute on: those that the process may use, and not those of the machine."""

from __future__ import annotations

import os

from autosft.data.cores import usable_cores


def test_a_process_that_is_bound_to_a_core_has_that_one(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0})

    assert usable_cores() == 1


def test_otherwise_there_are_no_more_than_the_machine_has():
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
