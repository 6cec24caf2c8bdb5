"""CSV: what a record is, and on which line it stands."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headwater.extract.files import text_blocks
from headwater.extract.files.csv_records import CsvFile
from headwater.extract.files.dialect import Dialect
from headwater.metadata.errors import FormatBroken
from tests.support.reading import DIALECTS, UGLY, read


def csv_says(text: str, dialect: Dialect) -> list[list[str]] | None:
    """Return what Python's csv module makes of a text; None when it refuses it."""
    quote = dialect.quote_char
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=dialect.delimiter, quotechar=quote, strict=True,
        quoting=csv.QUOTE_NONE if quote is None else csv.QUOTE_MINIMAL,
    )  # fmt: skip
    try:
        return [values for values in reader if values]
    except csv.Error:
        return None


@given(text=UGLY, dialect=DIALECTS, size=st.integers(1, 40))
@example(text='a,"', dialect=Dialect(), size=3)
@example(text='a,b\n","b","', dialect=Dialect(), size=100)
@example(text='"a","b"\n"a,","b"\n', dialect=Dialect(), size=100)
def test_records_are_what_the_csv_module_reads(text: str, dialect: Dialect, size: int) -> None:
    # the header is ours, so that every text is a body
    width = max([len(values) for values in csv_says(text, dialect) or []], default=1)
    header = dialect.delimiter.join("h" * width)
    expected = csv_says(text, dialect)
    content = f"{header}\n{text}".encode()
    if expected is None or any(len(values) != width for values in expected):
        with pytest.raises(FormatBroken):
            read(content, dialect, size)
    else:
        assert [record.values for record in read(content, dialect, size)] == expected


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [1, 2, 3, 1 << 20])
def test_a_record_stands_on_the_physical_line_where_it_begins(end: str, size: int) -> None:
    text = f'h,i{end}1,a{end}{end}2,"b{end}{end}c"{end}3,d'
    assert [(record.line, record.values[0]) for record in read(text.encode(), size=size)] == [
        (2, "1"), (4, "2"), (7, "3"),
    ]  # fmt: skip


def test_line_ends_of_all_kinds_may_be_mixed() -> None:
    assert [record.line for record in read(b"h\n1\r\n2\r3\n\r4", size=2)] == [2, 3, 4, 6]


def test_line_ends_in_quotes_stay_as_they_are() -> None:
    assert read(b'h\n"a\r\nb\rc\nd"\n')[0].values == ["a\r\nb\rc\nd"]


def test_the_header_may_stand_on_a_later_line_and_hold_line_ends() -> None:
    content = CsvFile(io.BytesIO(b'Report\n\n"the\nid",name\n1,a\n'), "f.csv", Dialect(header_line=3))
    assert content.header == ("the\nid", "name")
    assert list(content.records()) == [(5, ["1", "a"])]


def test_blanks_around_names_of_columns_go_when_the_source_says_so() -> None:
    dialect = Dialect(trim_whitespace=True)
    assert CsvFile(io.BytesIO(b"Date, USD, JPY, \n"), "f.csv", dialect).header == ("Date", "USD", "JPY", "")
    assert CsvFile(io.BytesIO(b"Date, USD\n"), "f.csv", Dialect()).header == ("Date", " USD")


def test_a_file_says_where_it_was_looked_for_columns() -> None:
    content = CsvFile(io.BytesIO(b"\n1;Ulm\n"), "f.csv", Dialect(delimiter="|", header_line=2))
    assert content.expected == (
        "expected it on line 2 (header_line), its values separated by '|' (delimiter)"
    )


def test_a_header_alone_is_a_file_without_records() -> None:
    assert read(b"id,name\n") == []
    assert read(b"id,name") == []


@pytest.mark.parametrize("size", [1, 5, 1 << 20])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "latin-1", "cp1252", "utf-32"])
def test_encodings_are_read_whatever_the_pieces(encoding: str, size: int) -> None:
    text = "id,name\r\n1,Zürich\r\n2,señal\r\n"
    dialect = replace(Dialect(), encoding=encoding)
    assert [record.values[1] for record in read(text.encode(encoding), dialect, size)] == ["Zürich", "señal"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_a_byte_order_mark_is_no_part_of_the_header(encoding: str) -> None:
    content = CsvFile(io.BytesIO("\ufeffid\n1\n".encode(encoding)), "f.csv", Dialect(encoding=encoding))
    assert content.header == ("id",)


def test_a_record_longer_than_many_blocks_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_blocks, "BLOCK", 64)
    value = "x\n" * 5000
    assert read(f'h\n"{value}"\nlast\n'.encode(), size=64) == [(2, [value]), (5003, ["last"])]


def test_a_quote_that_is_never_closed_is_given_up_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headwater.extract.files.csv_records.LONGEST_RECORD", 1 << 20)
    pieces = 0

    class Endless:
        def read(self, _size: int, /) -> bytes:
            nonlocal pieces
            pieces += 1
            return b'h\n"a\n' if pieces == 1 else b"b\n" * 5000

    with pytest.raises(
        FormatBroken,
        match=r"^f\.csv:2: the record that begins here has a quote that is not closed within 1 MiB$",
    ):
        list(CsvFile(Endless(), "f.csv", Dialect()).records())
    assert pieces < 500


def test_a_line_without_end_is_given_up_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_blocks, "LONGEST_RECORD", 1 << 20)

    class Endless:
        def read(self, _size: int, /) -> bytes:
            return b"b" * 10000

    with pytest.raises(FormatBroken, match=r"^f\.csv:1: a line of more than 1 MiB, expected a line end$"):
        CsvFile(Endless(), "f.csv", Dialect())
