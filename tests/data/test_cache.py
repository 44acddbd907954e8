"""What the cache of decoded samples promises: files are read once, and memory is bounded."""

from __future__ import annotations

import numpy as np
import pytest

from autosft.contracts.rows import Row
from autosft.data.cache import SampleCache
from autosft.errors import Unreadable

ROWS = [Row(str(number), number) for number in range(4)]


@pytest.fixture
def asked():
    return []


def reader(asked, sample):
    def read(row):
        asked.append(row.id)
        return sample(row)

    return read


def test_a_sample_is_read_once(asked):
    cache = SampleCache(reader(asked, lambda row: np.full(10, row.ref)))

    for _ in range(3):
        assert [int(cache(row)[0]) for row in ROWS] == [0, 1, 2, 3]

    assert asked == ["0", "1", "2", "3"]


def test_what_came_first_is_kept_when_not_all_fits(asked):
    cache = SampleCache(reader(asked, lambda row: np.zeros(10, dtype=np.uint8)), limit=25)

    for _ in range(2):
        for row in ROWS:
            cache(row)

    assert asked == ["0", "1", "2", "3", "2", "3"]


def test_a_sample_of_unknown_size_is_not_kept(asked):
    cache = SampleCache(reader(asked, lambda row: "text"))

    assert cache(ROWS[0]) == cache(ROWS[0]) == "text"
    assert asked == ["0", "0"]


def test_a_sample_that_cannot_be_read_is_tried_again(asked):
    def sample(row):
        if len(asked) == 1:
            raise Unreadable("the disk was busy")
        return np.zeros(1)

    cache = SampleCache(reader(asked, sample))
    with pytest.raises(Unreadable):
        cache(ROWS[0])

    assert cache(ROWS[0]).shape == (1,)


@pytest.mark.parametrize("free, kept", [(10**12, True), (30, False)])
def test_where_little_memory_is_free_little_is_kept(asked, monkeypatch, free, kept):
    monkeypatch.setattr("autosft.data.cache.free_bytes", lambda: free)
    cache = SampleCache(reader(asked, lambda row: np.zeros(10, dtype=np.uint8)))

    cache(ROWS[0])
    cache(ROWS[0])

    assert (len(asked) == 1) == kept
