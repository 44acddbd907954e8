"""`write_package`: a whole new plugin from templates, with a part that works and tests that pass.

The templates lie in `templates/`, a folder per kind of part beside what all share; a kind's own file goes before a
shared one of the same name. Imports neither torch nor pytest.
"""

from __future__ import annotations

import importlib.util
import keyword
import re
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from autosft.contracts.document import write_whole
from autosft.errors import BadInput, UnknownName
from autosft.host.hookspecs import API_VERSION
from autosft.host.reading import OFFERS

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 30
_ENDING = ".jinja"


@dataclass(frozen=True)
class _Kind:
    """A kind of part: the hook that offers it, its contract, and what the README says of its use. Observers offer no
    part: theirs is the hook that tells them of a trial."""

    hook: str
    contract: str
    use: str


_USES = {
    "modality": "Searches read data with it as soon as it is installed, and `--modality {name}` says so.\n"
    "A backbone that takes what its views give belongs into the same package, or into another one.",
    "backbone": 'Searches try it where data is of its kind, and `--backbones "{name}/*"` tries nothing else.',
    "problem": "`autosft search DATA --problem {name}` asks it, and `autosft metrics {name}` lists its scores.",
    "strategy": "Searches try it as soon as it is installed, and `--strategies {name}` tries nothing else.",
    "weights": "Searches ask it for the weights of every backbone as soon as it is installed.",
    "metric": "`autosft search DATA --metric {identifier}` maximizes it, and `autosft metrics` lists it.",
    "section": "`autosft report RUN` has it where the answers are of the form that it takes.",
    "executor": "`autosft search DATA --executor {name}` runs workers with it.",
    "observer": "Searches tell it of every epoch and trial as soon as it is installed; it writes them to\n"
    "`RUN/{name}.jsonl`, one JSON document a line.",
}
_PHRASES = {"backbone": "family of backbones", "weights": "source of weights", "section": "section of the report"}
KINDS = {
    kind: _Kind(hook, contract.__name__, _USES[kind]) for hook, (kind, contract) in OFFERS.items() if kind in _USES
} | {"observer": _Kind("autosft_trial_finished", "Record", _USES["observer"])}


def write_package(name: str, kind: str, into: Path) -> Path:
    """Write a package with one part; its tests pass as soon as it is installed.

    Args:
        name: The name of the distribution, such as `"my-strategy"`; the part has it too, without `"autosft-"`.
        kind: One of `KINDS`.
        into: The folder in which that of the package is made.

    Raises:
        UnknownName: There is no such kind of part.
        BadInput: The name cannot be that of a package, or its folder exists.
        CannotWrite: The folder cannot be written.
    """
    if kind not in KINDS:
        raise UnknownName("kind of part", kind, KINDS)
    package = _package_of(name)
    folder = into / name
    if folder.exists():
        raise BadInput(f"{folder}: exists already; choose another name, or another folder with --into.")
    words = _words(name, package, kind)
    environment = Environment(
        loader=PackageLoader("autosft.testing"),
        autoescape=False,  # Python and Markdown, of a name that was checked
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    templates = environment.list_templates()
    for template in templates:
        home, _, path = template.partition("/")
        if home == kind or (home == "shared" and f"{kind}/{path}" not in templates):
            place = re.sub("^package/", f"{package}/", path).removesuffix(_ENDING)
            write_whole(folder / place, environment.get_template(template).render(words).encode())
    return folder


def _package_of(name: str) -> str:
    """The name to import it by."""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise BadInput(
            f"{name!r} cannot be the name of a plugin: use at most {_LONGEST} small letters and digits, with single "
            f"hyphens between words, such as my-strategy."
        )
    package = name.replace("-", "_")
    if keyword.iskeyword(package) or importlib.util.find_spec(package):
        raise BadInput(f"{name!r} cannot be the name of a plugin: Python has a module or a word {package!r} already.")
    return package


def _words(name: str, package: str, kind: str) -> dict[str, object]:
    """What the templates are given."""
    part = name.removeprefix("autosft-")
    about = KINDS[kind]
    return {
        "distribution": name,
        "package": package,
        "name": part,
        "part": "".join(word.capitalize() for word in part.split("-")),
        "kind": kind,
        "kind_phrase": _PHRASES.get(kind, kind),
        "hook": about.hook,
        "contract": about.contract,
        "identifier": part.replace("-", "_"),
        "use": about.use.format(name=part, identifier=part.replace("-", "_")),
        "api": API_VERSION,
        **_releases(),
    }


def _releases() -> dict[str, str]:
    """The oldest AutoSFT that is known to do, and the first that may be another."""
    major, minor = (int(number) for number in version("autosft").split(".")[:2])
    return {"release": f"{major}.{minor}", "next_release": f"{major}.{minor + 1}"}
