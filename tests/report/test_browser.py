"""A report in a real browser: it loads nothing, complains of nothing, and everybody can read it."""

from __future__ import annotations

import io
import shutil

import numpy as np
import pytest
from PIL import Image

from autosft.contracts.modality import Preview
from autosft.testing.toy import ToyModality

from .conftest import Story

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
]


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as player:
        chromium = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser, tmp_path):
    """A function that opens the report, and gives the page with what it asked for and complained of."""
    contexts = []

    def open_it(**settings):
        context = browser.new_context(**settings)
        contexts.append(context)
        shown, asked, complaints = context.new_page(), [], []
        shown.on("request", lambda request: asked.append(request.url))
        shown.on("console", lambda message: complaints.append(message.text))
        shown.on("pageerror", lambda error: complaints.append(str(error)))
        shown.goto((tmp_path / "report.html").as_uri())
        return shown, [url for url in asked if not url.startswith("data:")], complaints

    yield open_it
    for context in contexts:
        context.close()


@pytest.fixture(params=["classes", "labels", "numbers", "failures"])
def told(request, story, tmp_path):
    """Runs of every kind."""
    if request.param == "failures":
        story.result = None
        story.trial(None, error="it did not end in time")
        for number in range(40):
            story.trial(0.5 + number / 100)
    if request.param == "labels":
        targets = [("a",), ("a", "b"), (), ("b",)] * 15
        story = Story(tmp_path / "several", targets=targets, problem="multilabel", metric="f1_micro")
        story.trial(0.9)
        story.answers = {0: np.array([[0.9, 0.1], [0.9, 0.8], [0.2, 0.1], [0.1, 0.3]] * 5)}
    if request.param == "numbers":
        story = Story(tmp_path / "numbers", targets=[float(n) for n in range(60)], problem="regression", metric="r2")
        story.trial(0.95)
        story.answers = {0: np.arange(20.0)[:, None] + 21}
    return story


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_loaded_nothing_complains_and_axe_finds_nothing_serious(told, page, opened, scheme, width):
    from axe_playwright_python.sync_playwright import Axe

    page(told)

    shown, asked, complaints = opened(color_scheme=scheme, viewport={"width": width, "height": 800})

    assert len(asked) == 1 and complaints == []
    assert shown.evaluate("document.documentElement.scrollWidth") <= width  # tables scroll by themselves
    found = Axe().run(shown, options={}).response
    assert len(found["passes"]) > 20
    grave = [skip for skip in found["violations"] if skip["impact"] in ("serious", "critical")]
    assert [(skip["id"], [node["html"] for node in skip["nodes"]]) for skip in grave] == []


def test_it_is_dark_where_the_reader_wants_it_dark_and_never_on_paper(story, page, opened):
    page(story)
    background = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"

    light, _, _ = opened(color_scheme="light")
    dark, _, _ = opened(color_scheme="dark")

    assert min(light.evaluate(background)) > 200 and max(dark.evaluate(background)) < 60
    dark.emulate_media(media="print", color_scheme="dark")
    assert dark.evaluate(background) == [255, 255, 255]


def test_a_hostile_run_stays_text(story, page, opened):
    story.targets = ["<img src=x onerror=alert(1)>" if target == "a" else target for target in story.targets]
    page(story)

    shown, asked, complaints = opened()

    assert shown.locator("img").count() == 0 and len(asked) == 1 and complaints == []


def test_pictures_are_in_the_page_itself(story, page, opened, monkeypatch):
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "JPEG")
    monkeypatch.setattr(ToyModality, "preview", lambda self, row: Preview(row.id, stream.getvalue()))
    page(story)

    shown, asked, complaints = opened()

    assert set(shown.evaluate("[...document.images].map(image => image.naturalWidth)")) == {8}
    assert len(asked) == 1 and complaints == []
