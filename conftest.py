"""No test reads or fills the cache of whoever runs it."""

import os
import tempfile

from autosft.data.store import FOLDER

os.environ[FOLDER] = tempfile.mkdtemp(prefix="autosft-cache-")
