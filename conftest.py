"""No test reads or fills the cache of whoever runs it; which plugins are first-party."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from autosft.data.store import FOLDER

os.environ[FOLDER] = tempfile.mkdtemp(prefix="autosft-cache-")
atexit.register(shutil.rmtree, os.environ[FOLDER], ignore_errors=True)


@pytest.fixture(scope="session")
def first_party():
    """The names of the distributions under `plugins/`; a test of other plugins leaves them out."""
    return tuple(sorted(path.parent.name for path in Path(__file__).parent.glob("plugins/*/pyproject.toml")))
