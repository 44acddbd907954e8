"""`ResemblyzerPackage`: the weights of GE2E that lie in the installed package Resemblyzer.

It requires much that nothing here needs, so nothing here requires it. This module knows where the file lies and what it
must hash to; it neither imports the package nor opens the file.
"""

from __future__ import annotations

from typing import final

from autosft.api import BackboneInfo, WeightFile, WeightSource
from autosft.api.weights import installed_file

_DISTRIBUTION = "Resemblyzer"
_FILE = "resemblyzer/pretrained.pt"
_SHA256 = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"


@final
class ResemblyzerPackage(WeightSource):
    """GE2E from the package Resemblyzer."""

    name = "Resemblyzer"
    order = 10

    def find(self, info: BackboneInfo) -> WeightFile | None:
        """The file in the package, if the package is installed."""
        if info.pretrained.get("package") != _DISTRIBUTION:
            return None
        path = installed_file(_DISTRIBUTION, _FILE)
        if path is None:
            return None
        return WeightFile(source=self.name, path=str(path), sha256=_SHA256, license=info.license)
