"""Rows in a file: what was written is read, by every process, and none of it is held in memory."""

import copy

import numpy as np
import pytest

from autosft.contracts.rows import Data, Row, Rows
from autosft.data.arrow import open_rows, read_data, write_data, write_rows
from autosft.errors import BadInput

KINDS = {
    "texts": ["one", "two", "", "näh", "\udc80 is no letter", "two"],
    "mappings": [{"column": n, "others": [n, None]} for n in range(6)],
    "paths and mappings": ["a.png", {"file": "b.png"}, "c.png", "d.png", "e.png", "f.png"],
    "numbers": [1, 2, 3, 10**30, -5, 0],
    "points": [[0.1, 1e300], [float("inf"), 0.0], [], [1.0], [2.0], [3.0]],
}
TARGETS = {
    "a label": [("yes",), ("no",), ("yes",), ("yes",), ("no",), ("maybe",)],
    "labels": [(("a", "b"),), ((),), (("a",),), (("b",),), (("c",),), (("a", "c"),)],
    "a number and truth": [(0.1 + n, n % 2 == 0) for n in range(6)],
    "boxes": [(((1, 2, 3, 4), (5, 6, 7, 8)),), ((),), (((1, 2, 3, 4),),), ((),), ((),), ((),)],
    "of some rows": [("yes",), (), ("no",), (), (), ("yes",)],
    "of one problem or the other": [("yes", None), (None, 2.5), ("no", 1.0), ("no", None), (None, 0.0), ("yes", 1.0)],
    "none": [()] * 6,
}


def made(refs=KINDS["texts"], targets=TARGETS["a label"]):
    return Rows.of(
        Row(f"r{n}", ref, target, ("train", "valid")[n % 2], f"g{n // 2}" if n else "", n + 0.5, n / 3)
        for n, (ref, target) in enumerate(zip(refs, targets, strict=True))
    )


@pytest.fixture
def written(tmp_path):
    def write(rows):
        write_rows(tmp_path / "rows.arrow", rows, {})
        return open_rows(tmp_path / "rows.arrow")[0]

    return write


@pytest.mark.parametrize("refs", KINDS.values(), ids=KINDS)
def test_samples_are_read_as_they_were_written(written, refs):
    rows = made(refs)

    assert list(written(rows)) == list(rows)


@pytest.mark.parametrize("targets", TARGETS.values(), ids=TARGETS)
def test_targets_are_read_as_they_were_written_with_their_types(written, targets):
    again = written(made(targets=targets))

    assert again.targets.tolist() == targets
    assert [list(map(type, target)) for target in again.targets] == [list(map(type, target)) for target in targets]


def test_any_choice_of_rows_has_their_columns(written):
    rows = made().with_columns(
        order=np.array([3, 1, 4, 0, 5, 2]), fold=np.arange(6) - 1, digest=np.array(list("abcdef"), object)
    )
    again = written(rows)

    for chosen in ([4, 1, 1], [2, 3, 4], [5, 4, 3], []):
        for name in ("id", "ref", "targets", "split", "group", "weight", "time", "order", "fold", "digest"):
            assert getattr(again.take(chosen), name).tolist() == getattr(rows.take(chosen), name).tolist()
    assert again[-1] == rows[5] and list(again[1:3] + again[:1]) == [rows[1], rows[2], rows[0]]
    assert list(again.take([0]) + made().take([1])) == [rows[0], rows[1]]
    with pytest.raises(IndexError):
        again[6]


def test_another_process_opens_the_file_and_is_sent_no_row(written):
    rows = written(made(["a long text " * 10_000] * 6))

    again = copy.deepcopy(rows[2:4])  # as whatever sends rows to another process makes one

    assert rows.columns.__reduce__()[1] == (rows.columns.path,)
    assert again.columns is not rows.columns and list(again) == list(rows[2:4])


def test_the_rows_of_a_search_are_in_their_splits_again(tmp_path):
    more = Rows.of([Row("u0", "unlabelled")])
    write_data(tmp_path / "data.arrow", Data.of(made(), more, valid_is_predefined=True, fingerprint="f00d"))

    data = read_data(tmp_path / "data.arrow")

    assert (data.train.id.tolist(), data.valid.id.tolist()) == (["r0", "r2", "r4"], ["r1", "r3", "r5"])
    assert list(data.unlabeled) == list(more) and data.test is None
    assert data.valid_is_predefined is True and data.fingerprint == "f00d"


@pytest.mark.parametrize("content", [b"", b"ARROW1\0\0 and nothing more", None], ids=["empty", "cut off", "missing"])
def test_a_file_that_is_none_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "data.arrow").write_bytes(content)

    with pytest.raises(BadInput, match=r"data\.arrow: cannot be read"):
        read_data(tmp_path / "data.arrow")


def test_a_run_of_an_earlier_version_is_said_to_be_one(tmp_path):
    (tmp_path / "data.json").write_text("{}")

    with pytest.raises(BadInput, match="a run of an earlier version"):
        read_data(tmp_path / "data.arrow")


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(TypeError):
        write_rows(tmp_path / "rows.arrow", made([object()] * 6), {})

    assert not list(tmp_path.iterdir())
