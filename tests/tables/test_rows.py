"""From a table to rows: with a target, without one, or none at all."""

import pytest

from autosft.contracts.task import Hints, Task
from autosft.errors import UnknownName
from autosft.tables.reading import read_table
from autosft.tables.rows import rows_of
from autosft.tables.targets import propose_target

TASK = Task(name="t", modality="text", problems=("classification",), data={})


@pytest.fixture
def scanned(tmp_path):
    """A function that writes tables by split, and scans them; rows refer to the cells of the column name."""

    def scan(target="label", problem="", **tables):
        for split, lines in tables.items():
            (tmp_path / f"{split}.csv").write_text("\n".join(["name,label,size", *lines]) + "\n")
        table = read_table(tmp_path)
        form = propose_target(table, Hints(targets=(target,), problem=problem))
        return rows_of(table, form, table.columns["name"], empty="no name", task=TASK)

    return scan


def test_rows_with_and_without_target_and_reference_are_told_apart(scanned):
    scan = scanned(train=["a,x,1", "b,,2", ",x,3", "c,y,4"], test=["d,x,5", "e,,6"])
    assert [(row.id, row.ref, row.targets, row.split) for row in scan.rows] == [
        ("train.csv:2", "a", ("x",), "train"),
        ("train.csv:5", "c", ("y",), "train"),
        ("test.csv:2", "d", ("x",), "test"),
    ]
    assert [(row.id, row.ref, row.targets) for row in scan.unlabeled] == [("train.csv:3", "b", ())]
    assert [(fault.ref, fault.reason) for fault in scan.faults] == [
        ("train.csv:4", "no name"),
        ("test.csv:3", "without a target"),
    ]


def test_a_test_split_without_any_target_is_left_out_with_one_fault(scanned):
    scan = scanned(train=["a,x,1", "b,y,2"], test=["c,,3", "d,,4"])
    assert len(scan.rows) == 2 and not len(scan.unlabeled)
    assert [(fault.ref, fault.reason) for fault in scan.faults] == [
        ("the test rows", "none of them has a target; not used")
    ]


def test_targets_that_cannot_be_used_are_faults(scanned):
    scan = scanned("size", "regression", train=[f"a,x,{number}.5" for number in range(9)] + ["b,x,large"])
    assert len(scan.rows) == 9 and [fault.ref for fault in scan.faults] == ["train.csv:11"]


def test_a_column_that_has_gone_is_named(scanned, tmp_path):
    scanned(train=["a,x,1", "b,y,2"])
    form = propose_target(read_table(tmp_path), Hints(targets=("label",)))
    (tmp_path / "train.csv").write_text("name,size\na,1\n")
    table = read_table(tmp_path)
    with pytest.raises(UnknownName, match="label"):
        rows_of(table, form, table.columns["name"], empty="no name", task=TASK)


def test_only_rows_that_have_a_target_are_lost(scanned):
    scan = scanned(train=["a,x,1", ",,", "c,y,4", ",x,2"], test=["d,x,5", "e,,6"])
    assert [(fault.ref, fault.lost) for fault in scan.faults] == [
        ("train.csv:3", False),
        ("train.csv:5", True),
        ("test.csv:3", False),
    ]
