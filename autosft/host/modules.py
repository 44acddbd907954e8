"""Modules that a user names to be loaded beside the installed plugins: a file such as `my_module.py`, or one that
Python finds by its name.

A file's module is called as the file is, and its folder comes last on Python's path, so that the processes that load
data find it too, and so do imports of files beside it.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from autosft.contracts.document import sha256_of_file
from autosft.errors import PluginBroken
from autosft.host.reading import blame
from autosft.host.registry import NAMED, Plugin


def is_file(named: str) -> bool:
    """Whether a file is named, and not a module."""
    return named.endswith(".py") or "/" in named or "\\" in named


def package_of(named: str) -> str:
    """Where the code of a plugin's parts lies: the package of its module, or the module of a file."""
    return Path(named).stem if is_file(named) else named.rpartition(".")[0] or named


def row_of(named: str) -> Plugin:
    """The blank row of a module that was named.

    Raises:
        PluginBroken: There is no such file or module, or the package of the module does not load.
    """
    if is_file(named):
        path = Path(named).absolute()
        if path.suffix != ".py" or not path.is_file():
            raise PluginBroken(f"{named}: no such file. -p takes a Python file, or a module that can be imported.")
        return Plugin(path.name, f"sha256:{sha256_of_file(path)}", NAMED, str(path))
    spec = _spec_of(named)
    if spec is None or not spec.origin:
        raise PluginBroken(f"{named}: no such module. -p takes a Python file, or a module that can be imported.")
    digest = sha256_of_file(Path(spec.origin)) if spec.has_location else ""
    return Plugin(named, f"sha256:{digest}", NAMED, named)


def _spec_of(named: str) -> ModuleSpec | None:
    """Where a module lies; None if there is none. Python imports the packages above it to find out.

    Raises:
        PluginBroken: One of these raises.
    """
    with blame(f"Importing the package of {named}"):
        try:
            return importlib.util.find_spec(named)
        except ImportError as error:  # the name is that of what could not be imported; none for `..module`
            if error.name and not f"{named}.".startswith(f"{error.name}."):
                raise
        except ValueError:  # an empty name, or `__main__`
            pass
    return None


def import_module(row: Plugin) -> ModuleType:
    """Import it; a file that has changed since it was imported is imported anew.

    Raises:
        PluginBroken: Another module has the name of the file.
    """
    if not is_file(row.module):
        return importlib.import_module(row.module)
    path = Path(row.module)
    loaded = sys.modules.get(path.stem)
    known: ModuleSpec | None = getattr(loaded, "__spec__", None)
    if "." in path.stem:
        raise PluginBroken(f"{path}: a dot in its name would stand for a package; give the file another name.")
    other = known if loaded else importlib.util.find_spec(path.stem)
    if (loaded or other) and not (other and other.origin and Path(other.origin).resolve() == path.resolve()):
        place = f" ({other.origin})" if other and other.origin else ""
        raise PluginBroken(f"{path}: there is another module {path.stem!r}{place}; give the file another name.")
    if loaded and known and known.loader_state in (None, row.version):  # None: the user has imported it
        known.loader_state = row.version
        return loaded
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    spec.loader_state = row.version
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    sys.modules[path.stem] = module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[path.stem]
        raise
    return module


def place_of(error: BaseException, row: Plugin) -> str:
    """Where in the module, or in a file beside it, an error has its cause: `"/path/my_module.py:7: "`; without a line
    where it is none of one."""
    cause = error.__cause__ or error
    spec = importlib.util.find_spec(row.module) if not is_file(row.module) else None
    file = Path(spec.origin if spec and spec.origin else row.module)
    if isinstance(cause, SyntaxError) and cause.filename:
        return f"{cause.filename}:{cause.lineno}: "
    frames = traceback.extract_tb(cause.__traceback__)
    inside = [frame for frame in frames if Path(frame.filename).parent == file.parent]
    if inside:
        return f"{inside[-1].filename}:{inside[-1].lineno}: "
    return "" if row.module in str(error) else f"{file}: "
