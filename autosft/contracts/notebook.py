"""`html_card`: a few facts as a small piece of HTML, for notebooks. Knows nothing of what they are about."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

_FRAME = (
    "display:inline-block;border:1px solid color-mix(in srgb,currentColor 30%,transparent);border-radius:6px;"
    "padding:8px 14px;max-width:60em"
)
_NAME = "text-align:left;font-weight:normal;opacity:.7;padding:1px 14px 1px 0;vertical-align:top"
_FACT = "text-align:left;padding:1px 0;overflow-wrap:anywhere"


def html_card(title: str, facts: Iterable[tuple[str, str]]) -> str:
    """A title and a table of named facts, all of them escaped, in the notebook's own colours."""
    rows = (
        f'<tr style="background:none"><th scope="row" style="{_NAME}">{escape(name)}</th>'
        f'<td style="{_FACT}">{escape(fact)}</td></tr>'
        for name, fact in facts
    )
    return f'<div style="{_FRAME}"><strong>{escape(title)}</strong><table>{"".join(rows)}</table></div>'
