"""What every section of the report promises."""

# ruff: noqa: D102 (the name of a test is its docstring)

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from html import escape
from html.parser import HTMLParser

import numpy as np
import pytest

from autosft.contracts.problem import Outputs
from autosft.contracts.rows import Row, Rows
from autosft.contracts.section import Answers, ReportedRow, ReportSection
from autosft.host.loading import load as load_plugins
from autosft.testing.conformance.promises import check_light

FORBIDDEN = {"script", "iframe", "object", "embed", "link", "base", "form", "html", "head", "body"}
VOID = {"area", "br", "col", "hr", "img", "input", "wbr"}
ADDRESSES = ("src", "href", "xlink:href", "srcset", "action", "data", "poster")


class SectionConformance:
    """Checks that a section makes well-formed HTML that loads nothing and runs no script, also of a single row, and
    declines answers that it does not know.

    A subclass gives the fixture `section`; `answers` where it takes none of the forms that AutoSFT's own problems give.

    A check that fails names what would make a report ask a network, or lose the section.
    """

    @pytest.fixture
    def section(self) -> ReportSection:
        """The section to test."""
        raise NotImplementedError("define the fixture `section`")

    @pytest.fixture
    def answers(self, section: ReportSection) -> Answers:
        """Answers that it accepts."""
        known = [answers for answers in usual_answers() if section.accepts(answers)]
        if not known:
            pytest.skip("it takes none of the usual answers; define `answers`")
        return known[0]

    def test_it_has_a_name(self, section: ReportSection) -> None:
        assert section.name and isinstance(section.name, str)

    def test_offering_it_imports_nothing_heavy(self, section: ReportSection) -> None:
        check_light(section)

    def test_what_it_says_is_html_that_loads_nothing_and_runs_no_script(
        self, section: ReportSection, answers: Answers
    ) -> None:
        assert section.accepts(answers)
        html = section.html(answers, _show)
        page = _Page()
        page.feed(html)
        page.close()
        assert html.strip() and page.forbidden == [] and page.open == []

    def test_one_row_is_enough(self, section: ReportSection, answers: Answers) -> None:
        first = np.zeros(1, dtype=np.int64)
        one = replace(answers, rows=answers.rows[:1], targets=answers.targets[:1], outputs=answers.outputs.take(first))
        assert not section.accepts(one) or section.html(one, _show).strip()

    def test_answers_that_it_does_not_know_are_declined(self, section: ReportSection, answers: Answers) -> None:
        outputs = replace(answers.outputs, arrays={"unheard of": np.zeros((len(answers.rows), 1))}, items=())
        assert section.accepts(replace(answers, outputs=outputs)) is False


def usual_answers() -> Iterator[Answers]:
    """Answers of the forms that problems usually give: classes, labels, numbers; to rows that nobody can read, and to
    texts."""
    registry, draw = load_plugins(), np.random.default_rng(0)
    classes = ["a", "b", "c"] * 4
    labels: list[tuple[str, ...]] = [("a",), ("a", "b"), ("c",), ()] * 3
    heights = [float(number) for number in range(12)]
    tables = {"probabilities": draw.dirichlet(np.ones(3), 12)}, {"values": draw.normal(6, 3, (12, 1))}
    for name, targets, arrays in (
        ("classification", classes, tables[0]),
        ("multilabel", labels, tables[0]),
        ("regression", heights, tables[1]),
    ):
        problem = registry.problem(name)
        for refs in (range(len(targets)), [" ".join(["word"] * (number + 1)) for number in range(len(targets))]):
            numbered = enumerate(zip(refs, targets, strict=True))
            rows = Rows.of(Row(f"row {number}", ref, (target,)) for number, (ref, target) in numbered)
            yield Answers(problem, "valid", rows, targets, Outputs(arrays), problem.fit(targets), ("target",))


def _show(rows: Sequence[ReportedRow], target: str = "Label", answer: str = "Answer") -> str:
    shown = (
        f"<li>{escape(f'{row.row.id} {target} {row.target} {answer} {row.answer} {row.why}')}</li>" for row in rows
    )
    return f"<ol>{''.join(shown)}</ol>"


class _Page(HTMLParser):
    """Looks for what a report must not have, and for elements that are not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.forbidden: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.forbidden += [f"<{tag}>"] if tag in FORBIDDEN else []
        self.forbidden += list(_forbidden_in(attrs))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.forbidden += list(_forbidden_in(attrs))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.forbidden.append(f"</{tag}> closes nothing")


def _forbidden_in(attributes: list[tuple[str, str | None]]) -> Iterator[str]:
    for name, value in attributes:
        if name.startswith("on") or (name in ADDRESSES and not (value or "").startswith(("#", "data:image/"))):
            yield f'{name}="{value}"'
