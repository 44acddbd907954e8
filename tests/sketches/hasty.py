"""Has rows loaded by threads, however quickly they are, and by processes as soon as anything was waited for."""

import os
from pathlib import Path

from autosft.training import ahead
from autosft.training.processes import Processes

ahead.TRIFLE_SECONDS = -1.0
ahead.STARVED_SECONDS = ahead.STARVED_FRACTION = 0.0


def noted(*arguments):
    """Leaves a file, so that a test knows that there were processes."""
    Path(os.environ["HASTY"]).touch()
    return Processes(*arguments)


ahead.Processes = noted

autosft_api = 2
