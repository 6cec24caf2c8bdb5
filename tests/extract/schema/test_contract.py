"""Findings about a file whose columns are not those of the metadata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from headwater.extract.schema.columns import match_header
from headwater.extract.schema.contract import breach, is_kept, what_next
from headwater.metadata.errors import ColumnsBroken
from headwater.metadata.static.model import Source
from tests.support.sources import make_source


def breach_of(
    source: Source, header: Sequence[str], renamed: Mapping[str, int] | None = None
) -> ColumnsBroken:
    match = match_header(source, header)
    assert not is_kept(source, match)
    return breach(source, match, renamed or {}, "f.csv", 4, "expected them elsewhere")


def test_every_missing_column_is_named_and_what_there_is_instead() -> None:
    source = make_source(["id", "name", "lat"])
    broken = breach_of(source, ["id", "x", "", "id"])
    assert str(broken) == (
        "f.csv:4: 'name' is missing: where it may be, set its is_optional to true in seeds/attribute.csv."
        " 'lat' is missing: where it may be, set its is_optional to true in seeds/attribute.csv."
        " Without an attribute: 'x' (column 2), '' (column 3), 'id' (column 4, again after column 1)"
    )
    assert broken.found == (
        {"column": "name", "found": "missing"},
        {"column": "lat", "found": "missing"},
        {"column": "x", "found": "no attribute", "place": 2},
        {"column": "", "found": "no attribute", "place": 3},
        {"column": "id", "found": "no attribute", "place": 4},
    )
    taken = "Once that is mended, `headwater replay 12` loads it; `headwater accept 12` takes it as it is,"
    assert what_next(source, broken, 12) == (f"{taken} what is missing as null, what is unknown in _rest.")
    ignoring = replace(source, on_unknown_column="ignore")
    assert what_next(ignoring, broken, 12) == f"{taken} what is missing as null, what is unknown left out."


def test_a_renamed_column_is_asked_about_with_the_row_to_write() -> None:
    broken = breach_of(make_source(), ["id", "name_en"], {"name": 1})
    assert broken.reason == (
        "'name' is missing, and 'name_en' (column 2) has no attribute: was it renamed?"
        " Then add places,renamed_columns,name=name_en, to seeds/source_attribute.csv"
    )
    assert broken.found[0] == {"column": "name", "found": "missing", "perhaps": "name_en"}


@pytest.mark.parametrize(
    ("new", "options", "row"),
    [
        (" name", {}, "add places,renamed_columns,name=<space>name, to seeds/source_attribute.csv"),
        ("name, en", {}, 'add places,renamed_columns,"name=name, en", to seeds/source_attribute.csv'),
        (
            "name_en",
            {"renamed_columns": "name=label"},
            "add |name=name_en to renamed_columns of places in seeds/source_attribute.csv",
        ),
        ("a|b", {}, "its source_name in seeds/attribute.csv should be 'a|b'"),
    ],
)
def test_the_row_to_write_is_spelled_as_the_seeds_want_it(
    new: str, options: dict[str, str], row: str
) -> None:
    broken = breach_of(make_source(options=options), ["id", new], {"name": 1})
    assert broken.reason.endswith(f"was it renamed? Then {row}")


def test_an_unknown_column_breaks_the_contract_of_a_source_that_halts() -> None:
    halting = make_source(["id", "name"], optional=["name"], on_unknown_column="halt")
    assert breach_of(halting, ["id", "x", "y"]).reason == (
        "'x' (column 2), 'y' (column 3) have no attribute: expected one in seeds/attribute.csv (is_optional, where"
        " earlier deliveries lack it), or on_unknown_column keep or ignore in seeds/source.csv"
    )
    assert breach_of(halting, ["id", "x"], {"name": 1}).reason.startswith(
        "'name' is missing, and 'x' (column 2) has no"
    )
    for policy in ("keep", "ignore"):
        lenient = replace(halting, on_unknown_column=policy)
        assert is_kept(lenient, match_header(lenient, ["id", "x"]))


def test_without_its_key_or_delete_mark_a_delivery_cannot_be_accepted() -> None:
    source = make_source(options={"delete_column": "gone"}, delivery_type="delta")
    keyless = breach_of(source, ["gone", "name"])
    assert keyless.reason == "'id' is missing, of the key: without it rows cannot be distinguished"
    unmarked = breach_of(source, ["id", "name"])
    assert unmarked.reason == (
        "'gone' is missing, the delete_column: without it rows cannot be distinguished from delete marks"
    )
    assert (keyless.lacks_key, unmarked.lacks_key) == (True, True)
    assert not breach_of(source, ["id", "gone"]).lacks_key
    assert what_next(source, keyless, 12) == "Once that is mended, `headwater replay 12` loads it."


def test_where_no_column_is_known_the_header_is_probably_elsewhere_perhaps_from_a_date_on() -> None:
    source = make_source()
    match = match_header(source, ["1,Ulm", "2", "3", "4", "5", "6"])
    reason = "none of the columns of places is in the header, which reads '1,Ulm', '2', '3', '4', '5', …: expected one"
    first = breach(source, match, {}, "f.csv", 4, "expected one", is_first=True)
    assert first.reason == reason
    later = breach(source, match, {}, "f.csv", 4, "expected one")
    assert later.reason == f"{reason}; where that has changed, a row with valid_from says from when on"
