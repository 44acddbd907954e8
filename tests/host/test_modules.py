"""A file, or a module by name, is a plugin as soon as the user names it; what is wrong with it is one line."""

from __future__ import annotations

import hashlib
import importlib
import os
import sys

import pytest

from autosft.errors import PluginBroken, UnknownName
from autosft.host.loading import load
from autosft.host.registry import NAMED

HEAD = "from autosft.api import Strategy, hookimpl\n\nautosft_api = 2\n\n\n"
OFFER = "@hookimpl\ndef autosft_strategies():\n    return [{}]\n"
PLUGIN = f"{HEAD}class Given(Strategy):\n    name = {{strategy!r}}\n\n\n{OFFER.format('Given()')}"


@pytest.fixture(autouse=True)
def forgotten():
    """What a test imports is no longer there for the next one."""
    modules, path = set(sys.modules), list(sys.path)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith("stranger"):
            del sys.modules[name]


@pytest.fixture
def file(tmp_path):
    """A function that writes a module."""

    def write(source, name="stranger_file.py"):
        path = tmp_path / "mine" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
        return path

    return write


def test_a_file_is_a_plugin_with_the_sha256_of_its_content_as_its_version(file):
    path = file(PLUGIN.format(strategy="sideways"))

    registry = load([path])

    assert registry.strategy("sideways").name == "sideways" and registry.named_modules == (str(path),)
    (row,) = (row for row in registry.plugins if row.name == NAMED)
    assert row.version == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    assert (row.distribution, row.module, row.api, row.parts) == (path.name, str(path), 2, ("strategy sideways",))
    assert row.title == f"stranger_file.py {row.version[:19]} (-p)"


def test_a_file_may_import_what_lies_beside_it_and_its_classes_are_found_by_the_name_of_its_module(file):
    file("NAME = 'sideways'\n", "stranger_beside.py")
    path = file(
        HEAD + "from stranger_beside import NAME\n\n\nclass S(Strategy):\n    name = NAME\n\n\n" + OFFER.format("S()")
    )

    strategy = load([path]).strategy("sideways")

    assert importlib.import_module(type(strategy).__module__).S is type(strategy)


def test_a_relative_path_and_the_same_file_twice_are_one_plugin(file, monkeypatch):
    path = file(PLUGIN.format(strategy="sideways"))
    monkeypatch.chdir(path.parent)

    assert load([path.name, str(path)]).named_modules == (str(path),)


def test_a_module_is_found_by_its_name(distributions, tmp_path):
    distributions("stranger-a", strategy="sideways", listing="[console_scripts]\n")

    registry = load(["stranger_a.plugin"])

    assert "sideways" in registry.strategies and registry.named_modules == ("stranger_a.plugin",)


def test_a_file_that_has_changed_is_loaded_anew_and_else_it_is_not(file):
    path = file(PLUGIN.format(strategy="sideways"))
    first = type(load([path]).strategy("sideways"))
    assert type(load([path]).strategy("sideways")) is first

    file(PLUGIN.format(strategy="upwards"))

    assert "upwards" in load([path]).strategies


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        ("import os\n\n1 / 0\n", 3, r"Importing stranger_file\.py raised ZeroDivisionError"),
        ("def f(:\n    pass\n", 1, "raised SyntaxError"),
        (HEAD + "import nothing_of_this_name\n", 6, "nothing_of_this_name"),
        (HEAD + OFFER.format("1 / 0"), 8, r"autosft_strategies\(\) raised ZeroDivisionError"),
        ("import sys\nsys.exit(3)\n", 2, r"called sys\.exit\(3\)"),
        ("x = 1\n", None, "states no API version; add the line `autosft_api = 2`"),
        (HEAD + "@hookimpl\ndef autosft_strategy():\n    pass\n", None, "Did you mean 'autosft_strategies'"),
    ],
)
def test_a_fault_of_a_file_is_one_line_with_file_and_line(file, source, line, said):
    path = file(source)

    with pytest.raises(PluginBroken, match=said) as caught:
        load([path])

    assert str(caught.value).startswith(f"{path}:{line}: " if line else str(path)) and "\n" not in str(caught.value)
    assert "stranger_file" not in sys.modules or line in (8, None)


@pytest.mark.parametrize(
    "named", ["nowhere.py", "some/where", "no_such_module", "no_such.module", "json.no_such", "json.decoder.x", ".x"]
)
def test_what_is_not_there_is_one_line(named):
    with pytest.raises(PluginBroken, match=rf"{named}: no such (file|module)\. -p takes a Python file"):
        load([named])


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("1 / 0\n", "raised ZeroDivisionError: division by zero"),
        ("import nothing_of_this_name\n", "raised ModuleNotFoundError: No module named 'nothing_of_this_name'"),
        ("import sys\nsys.exit(3)\n", r"called sys\.exit\(3\)"),
    ],
)
def test_what_the_package_of_a_module_raises_is_one_line(tmp_path, monkeypatch, source, said):
    (tmp_path / "stranger_package").mkdir()
    (tmp_path / "stranger_package" / "__init__.py").write_text(source)
    (tmp_path / "stranger_package" / "plugin.py").write_text("autosft_api = 2\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(PluginBroken, match=rf"^Importing the package of stranger_package\.plugin {said}") as caught:
        load(["stranger_package.plugin"])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "said"), [("json.py", "another module 'json'"), ("my.module.py", "a dot in its name")]
)
def test_a_file_that_is_called_as_another_module_is_refused(file, name, said):
    with pytest.raises(PluginBroken, match=said):
        load([file(PLUGIN.format(strategy="sideways"), name)])


def test_a_file_whose_part_is_there_already_is_refused(distributions, file):
    distributions("stranger-a", strategy="sideways")

    with pytest.raises(PluginBroken, match=r"strategy 'sideways' has the name of the strategy of stranger-a 1\.0"):
        load([file(PLUGIN.format(strategy="sideways"))])


def test_a_name_that_is_not_installed_is_no_plugin_to_disable(distributions, monkeypatch):
    distributions("stranger-a")
    monkeypatch.setenv("AUTOSFT_DISABLE_PLUGINS", f"{os.environ['AUTOSFT_DISABLE_PLUGINS']},stranger-b")

    with pytest.raises(
        UnknownName, match=r"plugin 'stranger-b'\. Did you mean 'stranger-a'\?.*AUTOSFT_DISABLE_PLUGINS"
    ):
        load()
