"""Each search on a how-to page begins as the page says, on data laid out so; and what takes seconds is run."""

from __future__ import annotations

import io
import re
import shutil
import sys

import pytest
from pages import PORT, Reader, commands_of
from places import DOCS

from autosft.cli import app
from autosft.errors import AutoSFTError

HOW_TO = DOCS / "how-to"
SEARCHES = sorted(page for page in HOW_TO.glob("*.md") if any("search" in one.words[1:2] for one in commands_of(page)))
QUICK = ("leaderboard", "report", "metrics", "plugins")
RUNS = ("runs/photos", "runs/photos-full")
"""The runs that there are when the quick commands are typed."""

OFFLINE = "no weights at hand"


def quick_commands(page):
    """The commands of a page that take seconds and need no other run."""
    for command in commands_of(page):
        runs = {word for word in command.words if word.startswith("runs/")}
        if command.words[1:2] and command.words[1] in QUICK and runs <= {*RUNS}:
            yield command


class PlanIsMade(Exception):
    """The data was read and checked, and it is known what may be tried; from here on a search trains."""


class Screen(io.StringIO):
    """What a search prints, until it begins to train."""

    def flush(self):
        if "; run folder " in self.getvalue():
            raise PlanIsMade


@pytest.fixture
def here(folder, data, monkeypatch):
    """A folder with the data of all pages: photos, new photos, reviews, recordings, weights."""
    photos = data.photos(folder / "photos", 20)
    shutil.copy(photos / "cat" / "3.jpg", photos / "cat" / "copy of 3.jpg")
    (photos / "dog" / "broken.jpg").write_bytes((photos / "dog" / "1.jpg").read_bytes()[:200])
    data.new_photos(folder / "new")
    data.reviews(folder / "reviews.csv")
    data.digits(folder / "digits")
    data.weights(folder / "weights" / "mine")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.chdir(folder)
    return folder


def begun(command, monkeypatch):
    """What a search prints before it trains, with the error that refuses it, if one does."""
    screen = Screen()
    for setting in command.settings:
        monkeypatch.setenv(*setting.split("=", 1))
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", screen)
        try:
            app(list(command.words[1:]), prog_name="autosft", standalone_mode=False)
        except PlanIsMade:
            return screen.getvalue()
        except AutoSFTError as error:
            return f"{screen.getvalue()}Error: {error}\n"
    raise AssertionError(f"{command.words} ended without a plan:\n{screen.getvalue()}")


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", SEARCHES, ids=lambda page: page.stem)
def test_a_search_on_the_page_begins_as_it_says(page, here, monkeypatch):
    for name in ("autosft_image", "autosft_text", "autosft_audio"):
        pytest.importorskip(name)
    reader = Reader(here, exactly=False)
    for command in commands_of(page):
        if command.words[:2] != ("autosft", "search"):
            continue
        shutil.rmtree(here / "runs", ignore_errors=True)
        printed = begun(command, monkeypatch)
        refused = re.search(r"^Error: .*$", printed, re.MULTILINE)
        foreseen = any(line.startswith("Error: ") for line in command.prints)
        assert not refused or foreseen or OFFLINE in refused[0], (command.words, refused[0])
        reader.compare(command, printed)


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A finished run on photos, made once."""
    import readers_data

    folder = tmp_path_factory.mktemp("searched")
    readers_data.photos(folder / "photos")
    readers_data.new_photos(folder / "new")
    search = (
        "autosft search photos/ --trials 1 --budget none --strategies probe --backbones timm/tf_efficientnet_lite0*"
    )
    reader = Reader(folder, exactly=False)
    reader.run(search)
    shutil.copytree(folder / RUNS[0], folder / RUNS[1])
    return folder


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "page", [page for page in sorted(HOW_TO.glob("*.md")) if any(quick_commands(page))], ids=lambda page: page.stem
)
def test_what_takes_seconds_prints_what_the_page_says(page, searched):
    pytest.importorskip("autosft_image")
    reader = Reader(searched, exactly=False)
    for command in quick_commands(page):
        reader.type(command)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_model_is_deployed_as_the_page_says(searched):
    pytest.importorskip("autosft_image")
    assert PORT in (HOW_TO / "deploy.md").read_text()
    Reader(searched, exactly=False).follow(HOW_TO / "deploy.md")


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_programs_of_the_python_page_print_what_it_says(folder, data):
    pytest.importorskip("autosft_text")
    data.messages(folder / "messages.csv")
    Reader(folder, exactly=False).follow(HOW_TO / "python.md")
