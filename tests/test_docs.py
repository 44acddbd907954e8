"""What the documentation lists is what there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from autosft.builtin.classification import Classification
from autosft.builtin.multilabel import MultiLabel
from autosft.builtin.regression import Regression

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("problem", [Classification(), MultiLabel(), Regression()], ids=lambda problem: problem.name)
def test_the_page_of_metrics_lists_each_with_what_it_is(problem):
    page = (DOCS / "metrics.md").read_text()
    section = page.split(f"## {problem.name}\n")[1].split("\n## ")[0]

    listed = [line for line in section.splitlines() if line.startswith("| `") and "--metric" not in line]
    assert listed == [f"| `{name}` | {problem.about(name)} |" for name in problem.metrics]
