"""Headers against metadata: what goes where, what is missing, what is unknown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from headwater.extract.files.record import Record
from headwater.extract.schema.columns import Layout, match_header
from tests.support.sources import make_source
from tests.support.work import Counted, work_of


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


def test_the_work_grows_with_the_columns_and_not_with_their_square() -> None:
    source = make_source(["id", "name"])

    def lay_out(count: int) -> None:
        header = [Counted("id"), *(Counted(f"c{n % (count // 2)}") for n in range(count)), Counted("name")]
        assert len(Layout.of(source, match_header(source, header)).rest) == count

    assert work_of(lay_out, 2000) < 3 * work_of(lay_out, 1000)


def test_unknown_columns_are_not_gathered_again_for_each_of_them() -> None:
    """Unknown names become a set once, not once for every column."""
    gone_through = 0

    class Positions(tuple[int, ...]):
        def __iter__(self) -> Iterator[int]:
            nonlocal gone_through
            gone_through += 1
            return super().__iter__()

    match = match_header(make_source(["id"]), ["id", *(f"c{n}" for n in range(500))])
    layout = Layout.of(make_source(["id"]), replace(match, unknown=Positions(match.unknown)))
    assert len(layout.rest) == 500
    assert gone_through <= 5


def test_later_names_are_taken_apart_once() -> None:
    source = make_source(["a", "a=b"], options={"renamed_columns": "a=b=c|a=x|a=b=y"})
    assert source.later_names("a") == ("b=c", "x", "b=y")
    assert source.later_names("a=b") == ("c", "y")
    assert source.later_names("b") == ()
