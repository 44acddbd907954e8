"""From a table to rows: with a target, without one, or none at all."""

from dataclasses import replace

import pytest

from autosft.contracts.task import Hints, Task, TaskTarget
from autosft.errors import BadInput, UnknownName
from autosft.tables.reading import read_table
from autosft.tables.rows import rows_of
from autosft.tables.targets import forms_in, plain_of, propose_target, propose_targets

TASK = Task(name="t", modality="text", targets=(TaskTarget(problem="classification"),), data={})


@pytest.fixture
def scanned(tmp_path):
    """A function that writes tables by split, and scans them; rows refer to the cells of the column name."""

    def scan(target="label", problem="", **tables):
        for split, lines in tables.items():
            (tmp_path / f"{split}.csv").write_text("\n".join(["name,label,size", *lines]) + "\n")
        table = read_table(tmp_path)
        form = propose_target(table, Hints(targets=(target,), problem=problem))
        return rows_of(table, [form], table.columns["name"], empty="no name", task=TASK)

    return scan


def test_rows_with_and_without_target_and_reference_are_told_apart(scanned):
    scan = scanned(train=["a,x,1", "b,,2", ",x,3", "c,y,4"], test=["d,x,5", "e,,6"])
    assert [(row.id, row.ref, row.targets, row.split) for row in scan.rows] == [
        ("train.csv:2", "a", ("x",), "train"),
        ("train.csv:5", "c", ("y",), "train"),
        ("test.csv:2", "d", ("x",), "test"),
    ]
    assert [(row.id, row.ref, row.targets) for row in scan.unlabeled] == [("train.csv:3", "b", ())]
    assert [(skip.ref, skip.reason) for skip in scan.skipped] == [
        ("train.csv:4", "no name"),
        ("test.csv:3", "without a target"),
    ]


def test_a_test_split_without_any_target_is_left_out_with_one_skipped_sample(scanned):
    scan = scanned(train=["a,x,1", "b,y,2"], test=["c,,3", "d,,4"])
    assert len(scan.rows) == 2 and not len(scan.unlabeled)
    assert [(skip.ref, skip.reason) for skip in scan.skipped] == [
        ("the test rows", "none of them has a target; not used")
    ]


def test_targets_that_cannot_be_used_are_skipped(scanned):
    scan = scanned("size", "regression", train=[f"a,x,{number}.5" for number in range(9)] + ["b,x,large"])
    assert len(scan.rows) == 9 and [skip.ref for skip in scan.skipped] == ["train.csv:11"]


def test_a_column_that_has_gone_is_named(scanned, tmp_path):
    scanned(train=["a,x,1", "b,y,2"])
    form = propose_target(read_table(tmp_path), Hints(targets=("label",)))
    (tmp_path / "train.csv").write_text("name,size\na,1\n")
    table = read_table(tmp_path)
    with pytest.raises(UnknownName, match="label"):
        rows_of(table, [form], table.columns["name"], empty="no name", task=TASK)


def test_only_rows_that_have_a_target_are_lost(scanned):
    scan = scanned(train=["a,x,1", ",,", "c,y,4", ",x,2"], test=["d,x,5", "e,,6"])
    assert [(skip.ref, skip.lost) for skip in scan.skipped] == [
        ("train.csv:3", False),
        ("train.csv:5", True),
        ("test.csv:3", False),
    ]


def test_rows_may_lack_one_of_two_targets_and_without_any_they_are_unlabelled(tmp_path):
    lines = ["a,x,1.5", "b,,2.5", "c,y,", "d,,", "e,x,much", "f,y,3.5", ",x,1", "g,x,7.25"]
    (tmp_path / "train.csv").write_text("\n".join(["name,label,size", *lines]) + "\n")
    table = read_table(tmp_path)
    hints = Hints(targets=("label", "size"), problem="classification,regression")
    forms = propose_targets(table, hints)
    task = TASK.model_copy(
        update={"targets": tuple(form.target for form in forms), "data": {"target": plain_of(forms)}}
    )
    assert forms_in(task, "here") == forms
    scan = rows_of(table, forms, table.columns["name"], empty="no name", task=task)
    assert [row.targets for row in scan.rows] == [("x", 1.5), (None, 2.5), ("y", None), ("y", 3.5), ("x", 7.25)]
    assert list(scan.unlabeled.ref) == ["d"]
    assert [(skip.ref, skip.reason) for skip in scan.skipped] == [
        ("train.csv:6", "'much' is no number"),
        ("train.csv:8", "no name"),
    ]
    with pytest.raises(BadInput, match="2 problems, and need a --target each"):
        propose_targets(table, replace(hints, targets=("label",)))
    with pytest.raises(BadInput, match="a form for each of 1 targets; it has 2"):
        forms_in(task.model_copy(update={"targets": task.targets[:1]}), "here")
