"""The rules of the code's shape, checked on every file of autosft and of the first-party plugins."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "autosft"
FILES = sorted(path for package in (CORE, *(ROOT / "plugins").glob("*/autosft_*")) for path in package.rglob("*.py"))
PLUGIN_FILES = [path for path in FILES if CORE not in path.parents]
API = {"autosft.api", "autosft.api.inputs", "autosft.api.tensors", "autosft.api.weights"}
TESTING = {"autosft.testing", "autosft.testing.conformance"}
MOST_LINES, MOST_FUNCTION_LINES = 300, 50
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager", "managers"}
PICKLES = {"pickle", "cPickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"}


def name(path):
    return str(path.relative_to(ROOT))


def imported(path):
    """The modules that a file imports anywhere."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


def importers(library):
    return [name(path) for path in FILES if any(module.partition(".")[0] == library for module in imported(path))]


def words(text):
    return {word.lower() for word in re.findall(r"[A-Za-z][a-z]*|[A-Z]+", text)}


def test_the_files_are_found():
    assert len(FILES) > 60
    assert {"autosft", "plugins"} == {name(path).split("/")[0] for path in FILES}


def test_no_file_is_longer_than_300_lines():
    assert [name(path) for path in FILES if len(path.read_text().splitlines()) > MOST_LINES] == []


def test_no_function_is_longer_than_50_lines():
    long = [
        f"{name(path)}: {node.name}"
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (node.end_lineno or 0) - (node.body[1].lineno if len(node.body) > 1 else node.lineno) > MOST_FUNCTION_LINES
    ]
    assert long == []


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_file_opens_with_a_docstring(path):
    tree = ast.parse(path.read_text())

    assert ast.get_docstring(tree) or not tree.body


def test_optuna_is_imported_in_two_files():
    assert importers("optuna") == ["autosft/search/memory/sampler.py", "autosft/search/memory/study.py"]


def test_pluggy_is_imported_by_the_host_alone():
    assert {Path(file).parent.as_posix() for file in importers("pluggy")} == {"autosft/host"}


def test_the_core_imports_no_plugin():
    plugins = {path.name for path in (ROOT / "plugins").glob("*/autosft_*")}

    assert [name(path) for path in CORE.rglob("*.py") if plugins & {m.partition(".")[0] for m in imported(path)}] == []


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=name)
def test_a_plugin_imports_the_api_alone(path):
    own = {module for module in imported(path) if module.partition(".")[0] == "autosft"}

    assert own <= API


def test_plugins_that_are_made_or_taught_import_the_api_alone():
    pages = [page for page in (ROOT / "docs" / "tutorials").glob("*.md") if page.stem != "few-labels"]
    told = [*(CORE / "testing" / "templates").rglob("package/*.jinja"), *pages]
    modules = {
        path: set(re.findall(r"^ *from (autosft(?:\.\w+)*) import", path.read_text(), re.MULTILINE)) for path in told
    }

    assert any(modules.values())
    assert {path: own for path, own in modules.items() if not own <= {*API, *TESTING}} == {}


def test_nothing_is_pickled():
    assert [library for library in PICKLES - {"joblib"} if importers(library)] == []


def test_joblib_counts_cores_and_does_nothing_else():
    used = [
        (name(path), ast.unparse(node))
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.Import, ast.ImportFrom)) and "joblib" in ast.unparse(node)
    ]

    assert used == [("autosft/data/cores.py", "from joblib import cpu_count")]


def test_torch_loads_weights_only():
    loads = [
        (f"{name(path)}:{node.lineno}", {word.arg: ast.unparse(word.value) for word in node.keywords})
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load"
    ]

    assert loads
    assert [where for where, keywords in loads if keywords.get("weights_only") != "True"] == []


def test_no_name_is_vague():
    vague = [name(path) for path in FILES if VAGUE & (words(path.stem) | words(path.parent.name))]
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and VAGUE & words(node.name):
                vague.append(f"{name(path)}: {node.name}")

    assert vague == []


def test_imports_go_down_only():
    """The layers are in pyproject.toml; import-linter checks them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    program = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    if "importlinter" not in settings["tool"] or program is None:
        pytest.skip("no contracts in pyproject.toml, or import-linter is not installed")

    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout
