from pathlib import Path

import numpy as np
import pytest
import soundfile

from autosft.api import BadInput, Hints, Row, Task, TaskTarget, Unreadable
from autosft_audio.modality import AudioModality

TASK = Task(name="any", modality="audio", targets=(TaskTarget(problem="classification"),), data={})


@pytest.fixture
def modality():
    return AudioModality()


def test_folders_of_classes_are_recognized_and_scanned(modality, dataset):
    inferred = modality.recognize(dataset)
    assert inferred.why == "6 training and 6 test audio files in 2 folders, one per class"
    assert (inferred.task.modality, inferred.task.name) == ("audio", "tones") and inferred.confidence > 0.9
    scan = modality.scan(inferred.task)
    assert len(scan.rows) == 12 and not scan.skipped
    row = next(row for row in scan.rows if row.id == "train/high/0.wav")
    assert (row.targets, row.split) == (("high",), "train")
    assert row.ref == {"path": str(dataset / row.id), "milliseconds": 500, "rate": 16_000}
    assert modality.read(row).shape == (8000,) and modality.length(row) == 500


def test_unusable_files_are_counted_and_named(modality, dataset):
    folder = dataset / "train" / "low"
    (folder / "words.wav").write_text("these are words")
    (folder / "song.m4a").write_bytes(b"\0\0\0 ftypM4A ")
    soundfile.write(folder / "none.wav", np.zeros(0), 16_000)
    (folder / "notes.txt").write_text("a side file")
    scan = modality.scan(modality.recognize(dataset).task)
    assert len(scan.rows) == 12
    assert sorted(Path(skip.ref).name for skip in scan.skipped) == ["none.wav", "song.m4a", "words.wav"]
    assert all(skip.reason and "\n" not in skip.reason for skip in scan.skipped)


def test_data_of_other_kinds_is_left_to_others(modality, tmp_path):
    for name in ("cats", "dogs"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        (tmp_path / "photos" / name / "1.jpg").write_bytes(b"\xff\xd8\xff")
    assert modality.recognize(tmp_path / "photos") is None
    (tmp_path / "reviews.csv").write_text("text,label\n" + "so good,1\nso bad,0\n" * 20)
    assert modality.recognize(tmp_path / "reviews.csv") is None


def test_a_note_beside_the_folders_of_classes_is_no_table_of_sounds(modality, dataset):
    (dataset / "metadata.json").write_text('{"made": "by hand"}')
    assert modality.recognize(dataset).why.startswith("6 training and 6 test")


def test_clips_in_one_folder_are_refused_with_a_way_out(modality, dataset):
    with pytest.raises(BadInput, match="3 audio files, but no subfolder of audio files per class"):
        modality.recognize(dataset / "train" / "low")


def test_fit_learns_how_long_clips_are_and_their_rate(modality, save, tmp_path):
    seconds = [0.5] * 18 + [20.0, 0.3]
    refs = [{"path": "", "milliseconds": round(1000 * length), "rate": 8000} for length in seconds]
    from autosft.api import Rows

    rows = Rows.of(Row(str(number), ref) for number, ref in enumerate(refs))
    state = modality.fit(rows, modality.read)
    assert 0.5 <= state.values["seconds"] < 2.0 and state.values["rate"] == 8000
    assert modality.fit(rows.take([18]), modality.read).values["seconds"] == 10.0


def test_inputs_of_every_kind_are_collected_in_order(modality, dataset, tone):
    single = dataset / "train" / "low" / "1.wav"
    scan = modality.collect([str(single), dataset / "test", (tone(), 16_000), single], TASK)
    ids = list(scan.rows.id)
    assert ids[0] == str(single) and ids[1:7] == sorted(ids[1:7]) and ids[7:] == ["input-2", f"{single} (2)"]
    assert all(modality.read(row).shape == (8000,) and row.targets == () for row in scan.rows)
    assert list(modality.collect((tone(), 16_000), TASK).rows.id) == ["input-0"]


def test_inputs_of_no_known_kind_are_refused(modality, tone, tmp_path):
    for bad in (3, None, tone(), (tone(), 0), (tone(), 1.5), (tone()[:0], 8000), (np.zeros((2, 2, 2)), 8000), ("a", 1)):
        with pytest.raises(BadInput, match="Input 0"):
            modality.collect([bad], TASK)
    with pytest.raises(BadInput, match="no such file"):
        modality.collect([tmp_path / "gone.wav"], TASK)
    with pytest.raises(BadInput, match="no audio files"):
        modality.collect([tmp_path], TASK)


def test_what_cannot_be_decoded_names_its_row(modality, dataset, tone):
    row = modality.scan(modality.recognize(dataset).task).rows[0]
    Path(row.ref["path"]).unlink()
    with pytest.raises(Unreadable, match=r"test/high/0\.wav: the file is missing"):
        modality.read(row)
    broken = np.full(10, np.nan)
    with pytest.raises(Unreadable, match="input-0: holds samples that are no numbers"):
        modality.read(modality.collect([(broken, 8000)], TASK).rows[0])


def test_what_encoded_rows_are_kept_by_is_the_content_of_the_file(modality, dataset, tone):
    rows = {row.id: row for row in modality.scan(modality.recognize(dataset).task).rows}
    one, same, other = (
        modality.digest(rows[name]) for name in ("train/low/0.wav", "test/low/0.wav", "train/low/1.wav")
    )
    assert one == same != other and len(one) == 64
    assert modality.digest(modality.collect([(tone(), 8000)], TASK).rows[0]) == ""


def test_hints_that_folders_cannot_give_are_refused(modality, dataset):
    with pytest.raises(BadInput, match="no column 'speaker'"):
        modality.recognize(dataset, Hints(targets=("speaker",)))
