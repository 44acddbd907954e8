"""Features on disk: found again, by several processes, after damage, and never beyond the limit."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from autosft.data.store import FeatureStore
from autosft.errors import BadInput

ROWS = 20
DIGESTS = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(ROWS)]
FEATURES = np.arange(ROWS * 4, dtype=np.float32).reshape(ROWS, 4)

WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_store import DIGESTS, FEATURES
from autosft.data.store import FeatureStore
store = FeatureStore(Path(sys.argv[2]), 1e9)
for start in range(0, 20, 2):
    store.add("encoder", DIGESTS[start:start + 2], FEATURES[start:start + 2], 0.5)
    store.load("encoder", DIGESTS)
"""


@pytest.fixture
def store(tmp_path):
    return FeatureStore(tmp_path, 1e9)


def files(folder):
    return sorted(folder.rglob("*.safetensors"))


def test_what_was_kept_is_found_under_its_encoder_alone(store, tmp_path):
    store.add("encoder", DIGESTS, FEATURES, 0.25)
    found, seconds = FeatureStore(tmp_path, 1e9).load("encoder", set(DIGESTS[3:5]) | {"ab" * 32})

    assert set(found) == set(DIGESTS[3:5]) and seconds == 0.25
    assert np.array_equal(found[DIGESTS[4]], FEATURES[4])
    assert store.load("another", DIGESTS) == ({}, 0.0)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_a_damaged_file_is_deleted_and_said(store, tmp_path, damage, caplog):
    store.add("encoder", DIGESTS, FEATURES, 0.25)
    (path,) = files(tmp_path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes({"cut": content[:-7], "flipped": content, "empty": b""}[damage])

    assert store.load("encoder", DIGESTS) == ({}, 0.0)
    assert not files(tmp_path) and "damaged and deleted" in caplog.text


def test_beyond_the_limit_what_was_not_used_for_longest_goes_first(tmp_path):
    for number in range(3):
        FeatureStore(tmp_path, 1e9).add("encoder", [DIGESTS[number]], FEATURES[number : number + 1], 0.1)
    size = files(tmp_path)[0].stat().st_size
    for path in files(tmp_path):
        os.utime(path, (1, 1))
    store = FeatureStore(tmp_path, 3.5 * size)
    store.load("encoder", DIGESTS)  # all are used now
    for path in files(tmp_path)[:2]:
        os.utime(path, (time.time() - 99, time.time() - 99))
    kept = files(tmp_path)[2]

    store.add("other", [DIGESTS[9]], FEATURES[9:10], 0.1)

    assert len(files(tmp_path)) == 3 and kept in files(tmp_path) and store.load("other", DIGESTS)[0]


def test_a_store_that_cannot_be_written_costs_a_warning(tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")

    FeatureStore(tmp_path / "file", 1e9).add("encoder", DIGESTS, FEATURES, 0.1)

    assert "not kept for later searches" in caplog.text


def test_several_processes_write_and_read_at_the_same_time(tmp_path):
    from pathlib import Path

    command = [sys.executable, "-c", WRITER, str(Path(__file__).parent), str(tmp_path)]
    writers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for writer in writers:
        assert not writer.communicate(timeout=60)[1] and writer.returncode == 0

    found, _ = FeatureStore(tmp_path, 1e9).load("encoder", DIGESTS)
    assert len(found) == ROWS and all(np.array_equal(found[name], FEATURES[n]) for n, name in enumerate(DIGESTS))


def test_a_limit_that_is_no_number_is_named(monkeypatch):
    monkeypatch.setenv("AUTOSFT_CACHE_GB", "5 GB")

    with pytest.raises(BadInput, match="AUTOSFT_CACHE_GB=5 GB"):
        FeatureStore.shared()


def test_what_a_killed_process_has_left_half_goes_and_what_another_is_writing_stays(store, tmp_path):
    store.add("encoder", DIGESTS, FEATURES, 0.25)
    (path,) = files(tmp_path)
    old, new = (path.with_name(f".{name}.safetensors.4711.tmp") for name in ("old", "new"))
    for draft in (old, new):
        draft.write_bytes(b"half")
    os.utime(old, (0, 0))

    store.add("encoder", DIGESTS, FEATURES + 1, 0.25)

    assert not old.exists() and new.exists() and len(files(tmp_path)) == 2
