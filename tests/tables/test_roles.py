"""Columns of groups, times and weights: read as named, refused in words, never guessed."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autosft.contracts.task import Hints, Task, TaskTarget
from autosft.errors import BadInput, UnknownName
from autosft.tables.reading import read_table
from autosft.tables.roles import words_of
from autosft.tables.rows import rows_of
from autosft.tables.targets import propose_target
from autosft.tables.times import times_of

HEADER = "name,label,patient,day,cost"


@pytest.fixture
def scanned(tmp_path):
    """A function that writes tables by split, and scans them with columns of such roles."""

    def scan(roles, header=HEADER, **tables):
        for split, lines in tables.items():
            (tmp_path / f"{split}.csv").write_text("\n".join([header, *lines]) + "\n")
        table = read_table(tmp_path)
        task = Task(name="t", modality="text", targets=(TaskTarget(problem="classification"),), data={}, **roles)
        form = propose_target(table, Hints(targets=("label",), **roles))
        return rows_of(table, [form], table.columns["name"], empty="no name", task=task)

    return scan


def skipped_of(scan):
    return [(skip.ref, skip.reason) for skip in scan.skipped]


def test_each_row_has_what_its_columns_say(scanned):
    roles = {"group": "patient", "time": "day", "weight": "cost"}
    scan = scanned(roles, train=["a,x, p1 ,2020-01-02,0.5", "b,y,,2020-01-01,2", "c,x,p1,2020-01-03,0"])

    assert scan.rows.group.tolist() == ["p1", "", "p1"]
    assert scan.rows.weight.tolist() == [0.5, 2.0, 0.0]
    assert (scan.rows.time - scan.rows.time[1]).tolist() == [86400.0, 0.0, 2 * 86400.0]


def test_without_a_name_a_column_is_what_it_was(scanned):
    scan = scanned({}, "name,label,group,time,weight", train=["a,x,g,2020-01-02,0.5", "b,y,g,2020-01-01,2"])

    assert set(scan.rows.group) == {""} and set(scan.rows.weight) == {1.0} and set(scan.rows.time) == {0.0}


def test_cells_that_say_nothing_are_skipped(scanned):
    rows = [f"n{number},{'xy'[number % 2]},g,{number},1" for number in range(9)]
    scan = scanned(
        {"time": "day", "weight": "cost"}, train=[*rows, "a,x,g,soon,1", "b,x,g,,1", "c,x,g,3,-1", "d,x,g,3,"]
    )

    assert skipped_of(scan) == [
        ("train.csv:11", "'soon' in column 'day' is no time"),
        ("train.csv:12", "nothing in column 'day'"),
        ("train.csv:13", "'-1' in column 'cost' is no weight, a number of 0 or more"),
        ("train.csv:14", "nothing in column 'cost'"),
    ]


@pytest.mark.parametrize("cell", ["inf", "nan", "-0.1", "1e400", "true", "two"])
def test_weights_are_finite_numbers_of_0_or_more(scanned, cell):
    scan = scanned({"weight": "cost"}, train=["a,x,g,1,1", "b,y,g,2,1", f"c,x,g,3,{cell}"])

    assert [place for place, _ in skipped_of(scan)] == ["train.csv:4"] and len(scan.rows) == 2


def test_rows_held_out_by_the_data_need_neither_weight_nor_time(scanned):
    roles = {"group": "patient", "time": "day", "weight": "cost"}
    scan = scanned(roles, train=["a,x,p,1,2", "b,y,p,2,3"], test=["c,x,q,,", "d,y,q,,5"])

    assert not scan.skipped
    assert scan.rows.weight.tolist() == [2.0, 3.0, 1.0, 5.0] and scan.rows.group.tolist() == ["p", "p", "q", "q"]


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        ({"time": "day"}, "'day' has the same time in all rows"),
        ({"time": "name"}, "'name' holds no times that can be read, such as 'a', 'b'"),
        ({"weight": "cost"}, "'cost' has no weight above 0 in any of 2 rows"),
        ({"group": "label"}, "'label' is named as --group and as a target"),
        ({"group": "day", "time": "day"}, "'day' is named as --time and as --group"),
    ],
    ids=str,
)
def test_a_column_that_cannot_be_it_is_refused_in_one_line(scanned, roles, said):
    with pytest.raises(BadInput) as caught:
        scanned(roles, train=["a,x,p,7,0", "b,y,q,7,0"])

    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_column_that_is_not_there_is_named_with_the_nearest(scanned):
    with pytest.raises(UnknownName, match=r"'patent'.*'patient'"):
        scanned({"group": "patent"}, train=["a,x,p,1,1", "b,y,q,2,1"])


def test_a_column_that_has_a_role_is_never_proposed_as_the_target(tmp_path):
    (tmp_path / "t.csv").write_text(
        "text,kind,rater\n" + "".join(f"t{n},{'ab'[n % 2]},{'rs'[n // 9]}\n" for n in range(18))
    )
    table = read_table(tmp_path / "t.csv")

    with pytest.raises(BadInput, match="2 columns could be the target"):
        propose_target(table, Hints(inputs=("text",)))
    assert propose_target(table, Hints(inputs=("text",), group="rater")).columns == ("kind",)


def test_the_user_is_told_what_each_column_is():
    assert (
        words_of(Hints(group="p", weight="w").roles) == "; rows of one column 'p' stay together; weights in column 'w'"
    )
    assert words_of({}) == ""


WAYS = [
    ("%Y-%m-%d", 86400),
    ("%Y-%m-%dT%H:%M:%S", 1),
    ("%Y-%m-%d %H:%M:%S+00:00", 1),
    ("%Y-%m-%d %H:%M:%S UTC", 1),
    ("%Y/%m/%d %H:%M", 60),
    ("%d.%m.%Y", 86400),
    ("%m/%d/%Y %I:%M %p", 60),
    ("%d/%m/%y", 86400),
    ("%d %B %Y", 86400),
    ("%b %d, %Y", 86400),
    ("%a, %d %b %Y %H:%M:%S +0000", 1),
    ("%a %b %d %H:%M:%S %Y", 1),
]
MOMENTS = st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2060, 1, 1))


@pytest.mark.parametrize(("form", "unit"), WAYS, ids=lambda value: str(value))
@settings(max_examples=20, deadline=None)
@given(moments=st.lists(MOMENTS, min_size=1, max_size=8))
def test_dates_in_all_common_ways_are_read_in_their_order(form, unit, moments):
    clear = datetime(2001, 1, 31)  # a day that is no month
    moments = [clear, *moments]
    seconds = [moment.replace(tzinfo=UTC).timestamp() // unit * unit for moment in moments]

    assert times_of([moment.strftime(form) for moment in moments], "day") == seconds


def test_numbers_are_times_as_they_are():
    assert times_of(["2019", "2021", "2020"], "year") == [2019.0, 2021.0, 2020.0]
    assert times_of(["1,5", "2,25", None], "t") == [1.5, 2.25, None]
    assert times_of([1600000000, 1.5], "t") == [1.6e9, 1.5]
    assert times_of(["20200131", "20200201"], "day") == [20200131.0, 20200201.0]


def test_days_and_months_that_cannot_be_told_apart_are_refused():
    with pytest.raises(BadInput, match=r"'03/04/2020' may be month first or day first"):
        times_of(["01/01/2020", "03/04/2020"], "day")
    assert times_of(["03/04/2020", "13/04/2020"], "day")[0] == times_of(["2020-04-03"], "day")[0]
