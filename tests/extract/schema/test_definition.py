"""The record of a source: its own parts, how its files are read in time, and what its columns are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from headwater.extract.files.dialect import Dialect
from headwater.extract.schema.definition import definition
from headwater.metadata.static.formats import FORMATS, TRAILERS
from headwater.metadata.static.model import DataSource, DatedOption, Source
from headwater.metadata.static.source_types import all_options, reading_options
from tests.support.sources import make_source

READING = reading_options("local_files")
MARCH, MAY = (datetime(2026, month, 1, tzinfo=UTC) for month in (3, 5))

# Those that say how files are found and dated, how rows are checked, and what stands in the definition as it is:
# for each new option somebody has to decide whether what was read depends on it.
NOT_OF_READING = {
    "conn_str", "tbl", "sql_script", "chunks",
    "endpoint", "auth", "auth_name", "token_path", "token_format", "first_page", "total_path",
    "has_more_path", "empty_page_ends",
    "read_until_same", "max_pages", "watermark_path", "watermark_format", "first_watermark", "lag_window",
    "topic", "consumer_group", "dead_letter_topic", "max_messages", "on_expired", "value_format", "avro_schema",
    "page", "file_pattern", "date_from", "date_format", "date_pattern", "trim_whitespace", "null_tokens",
    "renamed_columns", "delete_column", "delete_values", "keep_raw", "keep_staging", "min_rows", "first_delivery_date",
    "max_unpacked_mib", "max_unpacked_ratio", "max_value_mib", "max_nesting", "max_file_mib", "allow_private_addresses",
    "expected_every", "on_removed", "on_min_rows", "on_empty", "on_type_changed", "on_nothing_new",
    "on_delivery_date_in_future", "on_delivery_date_before_start", "on_gap",
}  # fmt: skip


def test_every_option_either_says_how_files_are_read_or_is_known_not_to() -> None:
    assert set(READING) | NOT_OF_READING == set(all_options())
    assert not set(READING) & NOT_OF_READING


def test_the_defaults_of_the_options_are_those_of_the_dialect() -> None:
    of_csv = FORMATS["csv"]
    facts = {name: value for name, value in READING.items() if name in of_csv and value is not None}
    assert Dialect.of(make_source(options=facts)) == Dialect() == Dialect.of(make_source())
    assert set(facts) - set(TRAILERS) == {field.name for field in fields(Dialect)} - {"trim_whitespace"}


def of(name: str, *values: tuple[str, datetime | None]) -> Source:
    """A source with these values of an option."""
    always = [value for value, valid_from in values if valid_from is None]
    return replace(
        make_source(options={name: always[0]} if always else {}),
        dated_options=tuple(
            DatedOption(name, value, moment) for value, moment in values if moment is not None
        ),
    )


NOT_SAID: tuple[tuple[str, datetime | None], ...] = ()
IN_TIME: Mapping[
    str, tuple[str, Sequence[tuple[str, datetime | None]], list[tuple[datetime | None, str | None]]]
] = {
    "nothing": ("delimiter", NOT_SAID, []),
    "the default": ("delimiter", ((",", None),), []),
    "the default again": ("delimiter", ((",", MARCH),), []),
    "always": ("delimiter", ((";", None),), [(None, ";")]),
    "from a date on": ("delimiter", ((";", MARCH),), [(MARCH, ";")]),
    "for a time": ("delimiter", ((";", MARCH), (",", MAY)), [(MARCH, ";"), (MAY, None)]),
    "the same again": ("delimiter", ((";", None), (";", MARCH), ("|", MAY)), [(None, ";"), (MAY, "|")]),
    "another spelling": ("encoding", (("latin1", None), ("ISO-8859-1", MAY)), [(None, "iso8859-1")]),
    "the default by another name": ("encoding", (("UTF8", None),), []),
    "without a default": ("zip_member", ((r"a\.csv", MARCH),), [(MARCH, r"a\.csv")]),
    "no quotes": ("quote_char", (("", None),), [(None, "")]),
}


@pytest.mark.parametrize("case", IN_TIME)
def test_only_what_differs_from_before_is_put_on_record(case: str) -> None:
    name, values, expected = IN_TIME[case]
    messages = [{"valid_from": moment and moment.isoformat(), "value": value} for moment, value in expected]
    assert definition(of(name, *values))["reading"] == ({name: messages} if messages else {})


def test_a_wrangle_function_and_other_names_of_columns_are_on_record() -> None:
    plain = definition(make_source(["id", "name"]))
    assert (plain["reading"], plain["names"]) == ({}, {})
    source = make_source(
        ["id", "name", "line_number"],
        options={
            "renamed_columns": "name=label|name=name_en|gone=left",
            "delete_column": "gone",
            "delete_values": "x",
        },
        wrangle_function="unpivot",
    )
    message = definition(source)
    assert message["reading"] == {"wrangle_function": [{"valid_from": None, "value": "unpivot"}]}
    assert message["names"] == {
        "name": ["name", "label", "name_en"], "_c": ["line_number"], "gone": ["gone", "left"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "url_template", "is_of_postgres"),
    [
        ("rdbms", None, True),
        ("rdbms", "postgresql://${HOST}/shop", True),
        ("rdbms", "postgres://h/shop", True),
        ("rdbms", "postgresql+psycopg2://h/shop", True),
        ("rdbms", "postgresql+psycopg://h/shop", False),  # not read by COPY: its values come through Python
        ("rdbms", "sqlite:////shop.db", False),
        ("rdbms", "mysql+pymysql://h/shop", False),
        ("rdbms", "${SHOP_URL}", False),  # told at run time only
        ("local_files", None, False),
        ("kafka", "postgresql://h/shop", False),
    ],
)
def test_only_of_a_postgres_does_the_definition_say_that_it_writes_the_values(
    kind: Any, url_template: str | None, is_of_postgres: bool
) -> None:
    source = make_source(address=url_template, data_source=DataSource("shop", kind, "A shop"))
    assert definition(source).get("value_syntax") == ("postgres" if is_of_postgres else None)
