"""Headers against metadata: what goes where, what is missing, what is unknown."""

from __future__ import annotations

import pytest

from extract.columns import Layout, match_header
from extract.csv_records import Record
from tests.extract.sources import make_source


def test_columns_are_found_by_name_in_any_order() -> None:
    source = make_source(["id", "name", "ctid"])
    match = match_header(source, ["name", "ctid", "id"])
    assert match.found == {"id": 2, "name": 0, "ctid": 1}
    layout = Layout.of(source, match)
    assert layout == Layout(width=3, positions=(0, 1, 2), columns=("name", "_c", "id"), rest=())
    assert layout.is_plain


def test_an_optional_column_may_be_missing() -> None:
    source = make_source(["id", "name"], optional=["name"])
    match = match_header(source, ["id"])
    assert (match.missing, match.absent) == ((), ("name",))
    layout = Layout.of(source, match)
    assert (layout.columns, layout.is_plain) == (("id",), True)


def test_a_column_that_must_be_there_is_missing_and_is_null_in_a_delivery_that_is_let_in() -> None:
    source = make_source(["id", "name"])
    match = match_header(source, ["id", "x"])
    assert (match.missing, match.absent, match.unknown) == (("name",), (), (1,))
    assert Layout.of(source, match).columns == ("id",)


def test_unknown_columns_keep_their_names_and_no_two_are_alike() -> None:
    header = ["id", "x", "name", "", "x", " ", "id", "x [5]", "_rest"]
    source = make_source()
    layout = Layout.of(source, match_header(source, header))
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


def test_names_that_differ_in_case_or_white_space_are_different_columns() -> None:
    source = make_source(["id", "Name", "name"])
    match = match_header(source, ["NAME", " name", "name", "Name", "id"])
    assert match.found == {"id": 4, "Name": 3, "name": 2}
    assert Layout.of(source, match).rest == ((0, "NAME"), (1, " name"))


@pytest.mark.parametrize(
    "header", [["id", "name"], ["id", "name_en"], ["label", "id"], ["name_en", "id", "label"]]
)
def test_a_column_goes_by_any_of_the_names_that_it_ever_had(header: list[str]) -> None:
    source = make_source(options={"renamed_columns": "name=label|name=name_en|id=number"})
    match = match_header(source, header)
    first = next(name for name in ("name", "label", "name_en") if name in header)
    assert match.found == {"id": header.index("id"), "name": header.index(first)}
    assert len(match.unknown) == len(header) - 2


def test_a_row_is_the_values_of_the_columns_and_the_rest_as_json() -> None:
    layout = Layout(width=3, positions=(2, 0), columns=("id", "name"), rest=((1, 'a "b"'),))
    assert layout.row(Record(7, ["Ulm", 'x\\"é', "1"])) == Record(
        7, ["1", "Ulm", '{"a \\"b\\"":"x\\\\\\"é"}']
    )


@pytest.mark.parametrize(("policy", "rest"), [("keep", ((1, "x"),)), ("halt", ((1, "x"),)), ("ignore", ())])
def test_what_is_unknown_is_kept_unless_it_is_ignored(policy: str, rest: tuple[tuple[int, str], ...]) -> None:
    source = make_source(on_unknown_column=policy)
    layout = Layout.of(source, match_header(source, ["id", "x", "name"]))
    assert (layout.positions, layout.rest, layout.is_plain) == ((0, 2), rest, False)
