import pytest

from autosft.api import BadInput, Hints, Task, UnknownName
from autosft.data.checks import check_scan
from autosft_audio.modality import AudioModality


@pytest.fixture
def modality():
    return AudioModality()


def test_a_table_of_paths_and_labels_is_recognized_and_scanned(modality, table):
    inferred = modality.recognize(table, Hints(targets=("pitch",)))
    assert inferred.task.problems == ("classification",) and inferred.task.target_names == ("pitch",)
    assert "column 'path'" in inferred.why and "clips" in inferred.why and inferred.unused == ("column 'loudness'",)
    scan = modality.scan(inferred.task)
    assert len(scan.rows) == 12 and not scan.skipped
    row = scan.rows[0]
    assert (row.id, row.targets, row.split) == ("train.csv:2", ("high",), "train")
    assert row.ref["path"] == str(table / "clips" / "train-0.wav") and row.ref["milliseconds"] == 500


def test_a_task_read_from_its_own_json_scans_the_same(modality, table):
    task = modality.recognize(table, Hints(targets=("pitch",))).task
    again = Task.parse(task.plain(), "test")
    assert [*modality.scan(again).rows] == [*modality.scan(task).rows]


def test_a_column_of_numbers_is_a_regression(modality, table):
    inferred = modality.recognize(table, Hints(targets=("loudness",)))
    assert inferred.task.problems == ("regression",)
    assert modality.scan(inferred.task).rows.target(0)[:2] == [0.0, 0.1]


def test_columns_of_groups_and_weights_are_named_and_used(modality, table):
    inferred = modality.recognize(table, Hints(targets=("pitch",), weight="loudness"))
    assert (
        inferred.task.weight == "loudness" and "weights in column 'loudness'" in inferred.why and inferred.unused == ()
    )
    rows = modality.scan(inferred.task).rows
    assert rows.weight.tolist() == modality.scan(
        modality.recognize(table, Hints(targets=("loudness",))).task
    ).rows.target(0)
    with pytest.raises(UnknownName, match="'speker'"):
        modality.recognize(table, Hints(targets=("pitch",), group="speker"))


def test_without_a_hint_the_target_is_not_guessed_among_several(modality, table):
    for split in ("train", "test"):
        content = (table / f"{split}.csv").read_text().replace("loudness", "room")
        (table / f"{split}.csv").write_text(
            content.replace("0.2", "hall").replace("0.4", "hall").replace(",0.", ",lab")
        )
    with pytest.raises(BadInput, match=r"--target"):
        modality.recognize(table)


def test_the_column_of_paths_may_be_named(modality, table):
    inferred = modality.recognize(table, Hints(targets=("pitch",), inputs=("path",)))
    assert inferred.task.data["path"] == "path"
    with pytest.raises(UnknownName, match="pth"):
        modality.recognize(table, Hints(inputs=("pth",)))
    with pytest.raises(UnknownName, match="ptch"):
        modality.recognize(table, Hints(targets=("ptch",)))
    assert modality.recognize(table, Hints(inputs=("pitch",), targets=("loudness",))) is None


def test_paths_may_start_from_the_folder_above_or_one_beside(modality, table, tmp_path):
    (table / "meta").mkdir()
    for split in ("train", "test"):
        (table / f"{split}.csv").rename(table / "meta" / f"{split}.csv")
    inferred = modality.recognize(table / "meta", Hints(targets=("pitch",)))
    assert inferred.task.data["files"] == str(table / "clips") and len(modality.scan(inferred.task).rows) == 12


def test_single_missing_files_are_skipped_and_many_stop_the_search(modality, table):
    task = modality.recognize(table, Hints(targets=("pitch",))).task
    (table / "clips" / "train-0.wav").unlink()
    scan = modality.scan(task)
    check_scan(scan)
    (skip,) = scan.skipped
    assert skip.ref == "train.csv:2" and skip.reason.endswith("train-0.wav: the file is missing")
    for number in range(1, 4):
        (table / "clips" / f"train-{number}.wav").unlink()
    with pytest.raises(BadInput, match=r"4 of 12 .*train\.csv:2: .*the file is missing; .*train\.csv:3"):
        check_scan(modality.scan(task))


def test_paths_that_point_nowhere_are_refused(modality, table):
    for path in (table / "clips").iterdir():
        path.unlink()
    with pytest.raises(BadInput, match="none of the audio files that column 'path' names is there, such as 'train-0"):
        modality.recognize(table, Hints(targets=("pitch",)))


def test_rows_without_path_or_label_are_told_apart(modality, table):
    with (table / "train.csv").open("a") as stream:
        stream.write(",low,0.1\ntrain-1.wav,,0.2\n")
    scan = modality.scan(modality.recognize(table, Hints(targets=("pitch",))).task)
    assert [skip.reason for skip in scan.skipped] == ["no path of an audio file"]
    assert [row.id for row in scan.unlabeled] == ["train.csv:9"] and scan.unlabeled[0].ref["milliseconds"] == 500


def test_a_table_may_be_handed_to_a_predictor(modality, table):
    task = modality.recognize(table, Hints(targets=("pitch",))).task
    rows = modality.collect([table / "test.csv"], task).rows
    assert [row.ref["path"] for row in rows] == [str(table / "clips" / f"test-{number}.wav") for number in range(6)]


def test_missing_files_of_a_predictors_table_are_skipped(modality, table):
    task = modality.recognize(table, Hints(targets=("pitch",))).task
    (table / "clips" / "test-1.wav").unlink()
    scan = modality.collect([table / "test.csv"], task)
    assert len(scan.rows) == 5 and [skip.reason for skip in scan.skipped] == ["the file is missing"]


def test_cells_that_no_file_can_be_called_are_missing_files(modality, table):
    with (table / "train.csv").open("a") as stream:
        stream.write(f"{'x' * 5000}.wav,low,0.1\n../..//nowhere\x01.wav,high,0.2\n")
    scan = modality.scan(modality.recognize(table, Hints(targets=("pitch",))).task)
    assert len(scan.rows) == 12 and [skip.ref for skip in scan.skipped] == ["train.csv:8", "train.csv:9"]


def test_a_table_of_labels_alone_is_none_of_sounds(modality, tmp_path):
    (tmp_path / "labels.csv").write_text("label\nlow\nhigh\n")
    assert modality.recognize(tmp_path / "labels.csv", Hints(targets=("label",))) is None


def test_a_wrong_data_table_is_refused(modality, table):
    task = modality.recognize(table, Hints(targets=("pitch",))).task

    def changed(**data):
        return task.model_copy(update={"data": {**task.data, **data}})

    for data, match in (
        ({"pth": "x"}, "pth"),
        ({"path": ""}, "needs the key path"),
        ({"path": "sound"}, "sound"),
        ({"target": {"problem": "classification"}}, "target in the data table"),
    ):
        with pytest.raises(BadInput, match=match):
            modality.scan(changed(**data))
