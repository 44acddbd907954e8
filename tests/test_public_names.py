"""What `import autosft` promises: every public name is there, and importing costs next to nothing."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys

import pytest

import autosft

HEAVY = {"torch", "torchvision", "timm", "optuna", "sklearn", "pandas", "plotly", "numpy", "pydantic", "PIL"}


@pytest.mark.parametrize("name", autosft.__all__)
def test_every_public_name_is_there(name):
    assert callable(getattr(autosft, name))
    assert name in dir(autosft)


@pytest.mark.parametrize("name", autosft.__all__)
def test_every_public_name_says_what_it_is_and_what_it_takes(name):
    public = getattr(autosft, name)
    own = [value for key, value in vars(public).items() if not key.startswith("_")] if inspect.isclass(public) else []
    functions = [one for one in own if inspect.isfunction(one)]
    functions += [one.__func__ for one in own if isinstance(one, classmethod)]

    assert all(inspect.getdoc(one) for one in (public, *functions))
    for function in functions if inspect.isclass(public) else filter(inspect.isfunction, [public]):
        parameters = [one for key, one in inspect.signature(function).parameters.items() if key not in ("self", "cls")]
        assert all(one.annotation is not inspect.Parameter.empty for one in parameters)
        assert inspect.signature(function).return_annotation is not inspect.Signature.empty


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


@pytest.mark.parametrize("module", ["autosft.api", "autosft.api.inputs", "autosft.api.weights"])
def test_importing_the_plugin_api_imports_nothing_heavy(module):
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not (HEAVY - {"numpy", "pydantic"}) & {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize("module", ["autosft.api", "autosft.api.inputs", "autosft.api.tensors", "autosft.api.weights"])
def test_the_plugin_api_says_what_each_name_is(module):
    home = importlib.import_module(module)
    public = [getattr(home, name) for name in home.__all__]

    assert all(inspect.getdoc(one) for one in public if inspect.isclass(one) or inspect.isfunction(one))
