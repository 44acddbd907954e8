"""What the documentation lists is what there is."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
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
    assert listed == [f"| `{name}` | {metric.about} |" for name, metric in problem.metrics.items()]


def test_the_metric_that_the_page_of_metrics_adds_is_one():
    module = {}
    exec(re.search(r"^```python\n(.*?)^```", (DOCS / "metrics.md").read_text(), re.MULTILINE | re.DOTALL)[1], module)
    (metric,) = module["autosft_metrics"]()

    problem = Classification().with_metrics([metric])
    compared = {"truth": np.array([0, 1, 1, 1]), "answered": np.array([0, 1, 1, 0])}
    assert problem.metric("f2_macro").score(compared) == pytest.approx((5 / 6 + 10 / 14) / 2)
