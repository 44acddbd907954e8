"""The benchmarks still fit the code that they measure: each can be imported, which needs no data."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.slow
def test_every_benchmark_imports():
    scripts = sorted(path.stem for path in BENCHMARKS.glob("*.py"))
    subprocess.run([sys.executable, "-c", f"import {', '.join(scripts)}"], cwd=BENCHMARKS, check=True)
