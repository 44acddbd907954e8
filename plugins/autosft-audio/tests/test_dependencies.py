"""What `pip install autosft autosft-audio` brings, by what the installed packages say that they require."""

from importlib.metadata import PackageNotFoundError, requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def required(*roots):
    """The names of all packages that these require, directly or not, without extras."""
    found, open_ = set(), [canonicalize_name(name) for name in roots]
    while open_:
        name = open_.pop()
        if name in found:
            continue
        found.add(name)
        try:
            lines = requires(name) or ()
        except PackageNotFoundError:  # for another platform
            continue
        wanted = [Requirement(line) for line in lines]
        open_ += [canonicalize_name(one.name) for one in wanted if not one.marker or one.marker.evaluate({"extra": ""})]
    return found


def test_sounds_need_no_library_of_images_and_no_torchaudio():
    found = required("autosft", "autosft-audio")
    assert {"torch", "transformers", "soundfile", "scipy"} <= found
    assert not found & {"timm", "torchvision", "pillow", "torchaudio", "librosa", "resemblyzer", "autosft-image"}
