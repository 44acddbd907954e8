"""`parse_settings`: what a user sets of parts, such as `fixmatch.threshold=0.8`, by part and parameter."""

from __future__ import annotations

from collections.abc import Sequence

from autosft.errors import BadInput


def parse_settings(texts: Sequence[str]) -> dict[str, dict[str, str]]:
    """Values by part and parameter, from texts of the form `PART.PARAMETER=VALUE`.

    A part's name may have dots in it (`classification.label.loss`); that of a parameter has none.

    Raises:
        BadInput: A text has another form, or one parameter is set twice.
    """
    found: dict[str, dict[str, str]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        part, _, parameter = name.strip().rpartition(".")
        if not (part and parameter and equals and value.strip()):
            raise BadInput(f"Setting {text!r} is not PART.PARAMETER=VALUE, such as fixmatch.threshold=0.8.")
        if parameter in found.setdefault(part, {}):
            raise BadInput(f"Setting {text!r}: {part}.{parameter} is set twice; leave one of them out.")
        found[part][parameter] = value.strip()
    return found
