"""What is installed where a process runs, and what differs elsewhere."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import metadata

from autosft.host.registry import NAMED, Registry, shown_version


def installed_versions(registry: Registry) -> dict[str, str]:
    """Python, the distributions that bring parts, the modules that the user named (with the sha256 of their files), and
    the libraries under them."""
    names = {plugin.distribution for plugin in registry.plugins if plugin.status == "ok"}
    versions = {"python": platform.python_version()}
    for name in sorted(names | {"autosft", "numpy", "optuna", "scikit-learn", "timm", "torch", "transformers"}):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions | {row.distribution: row.version for row in registry.plugins if row.name == NAMED}


def differing(old: Mapping[str, str], new: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """The names whose versions differ, each with its old and its new one, as a person reads them; `"absent"` where
    there is none."""
    names = sorted({*old, *new})
    pairs = [(name, old.get(name, "absent"), new.get(name, "absent")) for name in names]
    return [(name, shown_version(before), shown_version(now)) for name, before, now in pairs if before != now]
