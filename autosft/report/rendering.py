"""`render`: a template of the report with values; everything that it is given is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, cast

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from autosft.contracts.section import ReportedRow
from autosft.report import words


def render(template: str, **values: Any) -> Markup:
    """A template of `templates/`, as HTML."""
    return Markup(_environment().get_template(template).render(**values))


def gallery(pictures: Any, rows: Sequence[ReportedRow], target: str, answer: str) -> Markup:
    """Rows side by side, each as `pictures` shows it, with its target and what was answered."""
    macros: Any = _environment().get_template("macros.html").make_module({"pictures": pictures})
    return macros.gallery(rows, target, answer)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("autosft.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = {
        "score": words.score,
        "seconds": words.seconds,
        "count": words.count,
        "size": words.size,
        "percent": words.percent,
        "parameters": words.parameters,
        "plainly": words.plainly,
        "digits": words.digits,
        "gain": words.gain,
        "number": words.number,
        "model": words.model,
    }
    cast("Any", environment).filters.update(filters)
    return environment
