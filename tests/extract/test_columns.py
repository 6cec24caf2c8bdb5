"""Headers against metadata: what goes where, what is missing, what is unknown."""

from __future__ import annotations

import pytest

from extract.columns import Layout, match_header
from extract.csv_records import Record
from metadata.errors import FormatBroken
from tests.extract.sources import make_source


def test_columns_are_found_by_name_in_any_order() -> None:
    layout = match_header(make_source(["id", "name", "ctid"]), ["name", "ctid", "id"], "f.csv", 1)
    assert layout == Layout(width=3, positions=(0, 1, 2), columns=("name", "_c", "id"), rest=())
    assert layout.is_plain


def test_an_optional_column_may_be_missing() -> None:
    layout = match_header(make_source(["id", "name"], optional=["name"]), ["id"], "f.csv", 1)
    assert (layout.columns, layout.is_plain) == (("id",), True)


def test_unknown_columns_keep_their_names_and_no_two_are_alike() -> None:
    header = ["id", "x", "name", "", "x", " ", "id", "x [5]", "_rest"]
    layout = match_header(make_source(), header, "f.csv", 1)
    assert layout.positions == (0, 2)
    assert layout.rest == (
        (1, "x"),
        (3, "[4]"),
        (4, "x [5]'"),
        (5, "[6]"),
        (6, "id [7]"),
        (7, "x [5]"),
        (8, "_rest"),
    )
    assert not layout.is_plain


def test_a_row_is_the_values_of_the_columns_and_the_rest_as_json() -> None:
    layout = Layout(width=3, positions=(2, 0), columns=("id", "name"), rest=((1, 'a "b"'),))
    assert layout.row(Record(7, ["Ulm", 'x\\"é', "1"])) == Record(
        7, ["1", "Ulm", '{"a \\"b\\"":"x\\\\\\"é"}']
    )


def test_a_source_may_refuse_or_ignore_unknown_columns() -> None:
    ignoring = match_header(make_source(on_unknown_column="ignore"), ["id", "x", "name"], "f.csv", 1)
    assert (ignoring.positions, ignoring.rest, ignoring.is_plain) == ((0, 2), (), False)
    with pytest.raises(
        FormatBroken, match=r"^f\.csv:4: the header has 'x' \(column 2\), which places does not know"
    ):
        match_header(make_source(on_unknown_column="halt"), ["id", "x", "name"], "f.csv", 4)


def test_all_missing_columns_are_named_with_what_was_probably_meant() -> None:
    with pytest.raises(FormatBroken) as refused:
        match_header(make_source(["id", "name", "lat"]), ["\ufeffID", "nmae"], "f.csv", 1)
    assert refused.value.reason.startswith("the header lacks 'id', 'name' (nearest: 'nmae'), 'lat': expected")


def test_a_delete_mark_must_be_there() -> None:
    source = make_source(options={"delete_column": "gone"}, delivery_type="delta")
    with pytest.raises(FormatBroken, match="lacks 'gone'"):
        match_header(source, ["id", "name"], "f.csv", 1)
    assert match_header(source, ["id", "name", "gone"], "f.csv", 1).columns == ("id", "name", "gone")
