"""Sections of the report come in by the hook, AutoSFT's own as a plugin's, and none can cost the report."""

from __future__ import annotations

from html import escape

import pytest

from autosft.contracts.section import ReportedRow, ReportSection
from autosft.host.loading import load
from autosft.report.diagnosis.sections import ClassesSection, LabelsSection, NumbersSection
from autosft.testing.conformance import SectionConformance

from .conftest import SECTIONS


class First(ReportSection):
    """Says what the first row is."""

    name = "first"

    def accepts(self, answers):
        return "probabilities" in answers.outputs.arrays

    def html(self, answers, show):
        row = ReportedRow(answers.rows[0], answers.targets[0], answers.decided()[0], "the first")
        return f"<p>{escape(f'first of <{answers.names[0]}>')}</p>{show([row], 'Truth', 'Guess')}"


class Broken(First):
    """Fails."""

    name = "broken"

    def html(self, answers, show):
        raise KeyError("area")


class TestFirst(SectionConformance):
    @pytest.fixture
    def section(self):
        return First()


class TestClasses(SectionConformance):
    @pytest.fixture
    def section(self):
        return ClassesSection()


class TestLabels(SectionConformance):
    @pytest.fixture
    def section(self):
        return LabelsSection()


class TestNumbers(SectionConformance):
    @pytest.fixture
    def section(self):
        return NumbersSection()


def test_the_own_sections_come_in_by_the_hook():
    assert {"classes", "labels", "numbers"} <= load().sections.keys()


def test_a_section_stands_beside_the_own_ones_and_shows_rows_by_their_modality(story, page):
    html = page(story, sections=(*SECTIONS, First()))

    assert "<p>first of &lt;label&gt;</p>" in html and "<dt>Truth</dt>" in html and "17 of 20 rows" in html


def test_a_section_that_fails_is_named_and_costs_nothing_else(story, page):
    html = page(story, sections=(Broken(), *SECTIONS))

    assert (
        "The section &#39;broken&#39; could not be made (KeyError: &#39;area&#39;)." in html and "17 of 20 rows" in html
    )


def test_without_a_section_that_knows_the_answers_the_report_says_so(story, page):
    assert "this report knows no figures for such answers" in page(story, sections=())
