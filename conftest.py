"""No test reads or fills the cache of whoever runs it, and none computes with several threads unless it says so."""

import atexit
import os
import shutil
import tempfile

from autosft.data.store import FOLDER

# Tests run side by side: threads that wait for each other at every small sum take ten times as long as one alone.
os.environ.setdefault("OMP_NUM_THREADS", "1")

os.environ[FOLDER] = tempfile.mkdtemp(prefix="autosft-cache-")
atexit.register(shutil.rmtree, os.environ[FOLDER], ignore_errors=True)
