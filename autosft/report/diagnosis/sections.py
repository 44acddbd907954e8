"""The sections of the report that AutoSFT has itself, by the form of answers: a distribution over classes, a
probability for each label, or numbers."""

from __future__ import annotations

from typing import final

from autosft.contracts.section import Answers, ReportSection, Show


@final
class ClassesSection(ReportSection):
    """Of one label per row: scores of classes, confusion, calibration, the worst mistakes, labels that look wrong."""

    name = "classes"

    def accepts(self, answers: Answers) -> bool:
        """Probabilities of classes, where an answer is one of them."""
        return _of_classes(answers) and not isinstance(answers.decided()[0], (list, tuple))

    def html(self, answers: Answers, show: Show) -> str:
        """By `classes.html`."""
        from autosft.report.diagnosis.classes import diagnose_classes
        from autosft.report.rendering import render

        return render("classes.html", found=diagnose_classes(answers), show=show)


@final
class LabelsSection(ReportSection):
    """Of several labels per row: scores of labels, calibration, the worst mistakes, labels that look wrong."""

    name = "labels"

    def accepts(self, answers: Answers) -> bool:
        """Probabilities of labels, where an answer is a list of them."""
        return _of_classes(answers) and isinstance(answers.decided()[0], (list, tuple))

    def html(self, answers: Answers, show: Show) -> str:
        """By `labels.html`."""
        from autosft.report.diagnosis.labels import diagnose_labels
        from autosft.report.rendering import render

        return render("labels.html", found=diagnose_labels(answers), show=show)


@final
class NumbersSection(ReportSection):
    """Of numbers: errors, predicted against true, how far off, and the rows that are furthest off."""

    name = "numbers"

    def accepts(self, answers: Answers) -> bool:
        """A table of values."""
        values = answers.outputs.arrays.get("values")
        return values is not None and values.ndim == 2

    def html(self, answers: Answers, show: Show) -> str:
        """By `numbers.html`."""
        from autosft.report.diagnosis.numbers import diagnose_numbers
        from autosft.report.rendering import render

        return render("numbers.html", found=diagnose_numbers(answers), show=show)


def _of_classes(answers: Answers) -> bool:
    return "probabilities" in answers.outputs.arrays and bool(answers.problem.classes(answers.state))
