"""A large table is read in a small multiple of its size."""

from __future__ import annotations

import subprocess
import sys

import pytest

ROWS = 500_000

MEASURE = """
import resource, sys
from pathlib import Path
from autosft.tables.reading import read_table

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

path = Path(sys.argv[1])
read_table(path, limit=10)
before = peak()
table = read_table(path)
assert len(table) == int(sys.argv[2])
print((peak() - before) / path.stat().st_size)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kilobytes on Linux")
@pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
def test_half_a_million_rows_take_less_than_ten_times_their_size(write, name):
    line = '{"text": "%s", "label": "%s"}\n' if name == "t.jsonl" else '"%s",%s\n'
    rows = (
        line % (f"row {row}, about as long as a short review is", "good" if row % 3 else "bad") for row in range(ROWS)
    )
    path = write(name, ("" if name == "t.jsonl" else "text,label\n") + "".join(rows))

    done = subprocess.run([sys.executable, "-c", MEASURE, path, str(ROWS)], capture_output=True, text=True, check=True)

    assert float(done.stdout) < 10
