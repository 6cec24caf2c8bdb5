"""Rows that COPY wrote come to raw as they were: by whole blocks and by single records alike."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.extract.formats.copy_file import CopyFile, field_of, line_of, lines_of
from headwater.metadata.errors import FormatBroken
from tests.support.loader import Loader
from tests.support.sources import make_source

CONSTANTS = "5\x1f7\x1f"
VALUES = st.none() | st.text(
    st.characters(codec="utf-8", exclude_characters="\0") | st.sampled_from("\t\n\r\\N\x1f\b\v.")
)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(VALUES, min_size=width, max_size=width), min_size=1)
)


def opened(content: bytes) -> CopyFile:
    return CopyFile(BytesIO(content), "orders.copy")


@given(TABLES)
def test_what_is_written_is_read_again(table: list[list[str | None]]) -> None:
    header = [f"c{n}" for n in range(len(table[0]))]
    found = list(opened(line_of(header) + b"".join(map(line_of, table))).records())
    assert [record.values for record in found] == table
    assert [record.line for record in found] == list(range(2, len(table) + 2))


@given(TABLES)
def test_a_block_is_what_its_records_are(table: list[list[str | None]]) -> None:
    header = [f"c{n}" for n in range(len(table[0]))]
    file = opened(line_of(header) + b"".join(map(line_of, table)))
    for block in file.blocks():
        records = file.parse(block)
        converted = file.as_copy_text(block, CONSTANTS)
        assert converted is not None or b"\x1f" in block.text
        if converted is not None:
            text, count = converted
            assert count == len(records)
            lines = [line.split("\x1f") for line in text.decode().split("\n")[:-1]]
            assert [line[:3] for line in lines] == [[str(record.line), "5", "7"] for record in records]
            assert [list(map(field_of, line[3:])) for line in lines] == [record.values for record in records]


def test_raw_has_what_was_written(loader: Loader) -> None:
    special = ["", None, "a\tb", "a\nb", "a\rb", "a\\b", r"\N", r"\.", "\x1f", "\b\f\v", "Ü 😀", "\\", "\\\n"]
    table = [[str(n), value] for n, value in enumerate(special)]
    content = line_of(["id", "name"]) + b"".join(map(line_of, table))
    source = make_source(options={"format": "copy_text"})
    assert loader.load(source, content, "orders.copy").written == len(table)
    found = loader.rows("line_number", "id", "name")
    assert [[number, text] for _, number, text in found] == table
    assert [line for line, _, _ in found] == list(range(2, len(table) + 2))


def test_columns_may_stand_elsewhere_and_be_unknown(loader: Loader) -> None:
    content = b"name\tmore\tid\nx\t\\N\t1\n\\N\ty\\\\z\t2\n"
    loader.load(make_source(options={"format": "copy_text"}), content, "orders.copy")
    assert loader.rows("id", "name", "_rest") == [("1", "x", {"more": None}), ("2", None, {"more": "y\\z"})]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "orders.copy: empty, expected a header line"),
        (b"id\tname\n1\tx\n2\n3\ty\tz\n", "orders.copy:3: 1 values, expected 2 as in the header"),
        (b"id\tname\n1\tx\n2\ty\tz\n\\N\n", "orders.copy:3: 3 values, expected 2 as in the header"),
        (b"id\tname\n1\t\\xff\n", "orders.copy:2: an escaped byte is not utf-8, expected text"),
        (b"id\tname\n1\tx\0\n", "orders.copy:2: a NUL byte, expected text"),
    ],
)
def test_what_is_no_such_file_is_named_with_its_line(loader: Loader, content: bytes, message: str) -> None:
    with pytest.raises(FormatBroken, match=re.escape(message)):
        list(opened(content).records())
    if content:
        return
    with pytest.raises(FormatBroken):
        loader.load(make_source(options={"format": "copy_text"}), content, "orders.copy")


def test_escapes_by_number_are_read_as_postgres_reads_them() -> None:
    [record] = opened(b"id\tname\n\\101\t\\xc3\\x9c\\b\\q\n").records()
    assert record.values == ["A", "Ü\bq"]


@given(TABLES)
def test_lines_by_column_are_lines_by_row(table: list[list[str | None]]) -> None:
    assert lines_of(list(zip(*table, strict=True))) == b"".join(map(line_of, table))
