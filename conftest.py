"""No test reads or fills the cache of whoever runs it."""

import atexit
import os
import shutil
import tempfile

from autosft.data.store import FOLDER

os.environ[FOLDER] = tempfile.mkdtemp(prefix="autosft-cache-")
atexit.register(shutil.rmtree, os.environ[FOLDER], ignore_errors=True)
