"""What `import autosft` promises: every public name is there, and importing costs next to nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

import autosft

HEAVY = {"torch", "torchvision", "timm", "optuna", "sklearn", "pandas", "plotly", "numpy", "pydantic", "PIL"}


@pytest.mark.parametrize("name", autosft.__all__)
def test_every_public_name_is_there(name):
    assert callable(getattr(autosft, name))
    assert name in dir(autosft)


def test_public_names_come_from_a_star_import():
    names = {}
    exec("from autosft import *", names)  # the only way to see what a star brings

    assert set(autosft.__all__) <= set(names)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = autosft.no_such_name


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, autosft; autosft.AutoSFTError, autosft.__version__; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not HEAVY & {name.partition(".")[0] for name in done.stdout.split()}
