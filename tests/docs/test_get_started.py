"""Whoever types what a page of docs/get-started says gets what it says: every command, every program, every output."""

from __future__ import annotations

import shutil

import pytest
from pages import Reader
from places import DOCS

GET_STARTED = DOCS / "get-started"


@pytest.fixture
def reader(folder):
    return Reader(folder, exactly=False)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_folder_of_pictures_becomes_a_served_model(reader, data):
    pytest.importorskip("autosft_image")
    data.photos(reader.folder / "pets")
    data.new_photos(reader.folder / "new")
    reader.follow(GET_STARTED / "images.md")


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_table_of_messages_becomes_a_served_model(reader, data):
    pytest.importorskip("autosft_text")
    data.messages(reader.folder / "messages.csv")
    (reader.folder / "new.csv").write_text("text\nfree prize claim cash\nsorry home later\n")
    reader.follow(GET_STARTED / "text.md")


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_recordings_become_a_served_model(reader, data):
    pytest.importorskip("autosft_audio")
    pytest.importorskip("autosft_image", reason="encoders of images look at spectrograms")
    recordings = data.recordings(reader.folder / "digits" / "recordings")
    (reader.folder / "new").mkdir()
    for digit in (3, 7):
        shutil.copy(recordings / f"{digit}_theo_0.wav", reader.folder / "new" / f"{digit}.wav")
    reader.follow(GET_STARTED / "audio.md")


def test_there_is_a_page_for_each_kind_of_data_and_each_goes_all_the_way():
    pages = sorted(GET_STARTED.glob("*.md"))
    assert [page.stem for page in pages] == ["audio", "images", "text"]
    steps = ["## Search", "## Look at what happened", "## Predict", "## From Python", "## Serve", "## Export"]
    for page in pages:
        headings = [line for line in page.read_text().splitlines() if line.startswith("## ")]
        assert [heading for heading in headings if heading in steps] == steps
