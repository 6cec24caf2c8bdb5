"""CSV: what a record is and where it stands; the fast path never reads anything otherwise than csv does."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from extract import text_blocks
from extract.copy_text import SEPARATOR, FastPath, from_records
from extract.csv_records import CsvFile, Record
from extract.dialect import Dialect
from metadata.errors import FormatBroken

# Texts made of the characters that matter, so that quotes, line ends and delimiters meet in every way.
UGLY = st.text(st.sampled_from("ab,;\"'\n\r\\é\x1f \t"), max_size=60)
# Texts that are nearly right: pieces that csv takes for a field, and pieces that it does not.
PIECE = st.sampled_from(
    [
        "a",
        "",
        '"a"',
        '"a"',
        '"a,b"',
        '""',
        '"a""b"',
        '""""',
        '"a\nb"',
        '"\r\n"',
        "\\",
        'x"a"',
        '"a"x',
        '"',
        'a"',
        ' "a"',
    ]
)
LINE = st.lists(PIECE, max_size=4).map(",".join)
NEARLY = st.lists(st.tuples(LINE, st.sampled_from(["\n", "\n", "\r\n", "\r"])), max_size=5).map(
    lambda lines: "".join(line + end for line, end in lines)
)
FIELD = st.text(st.sampled_from('ab,"\n\r\\é\x1f '), max_size=6)
DIALECTS = st.builds(
    Dialect,
    delimiter=st.sampled_from(",;\t|"),
    quote_char=st.sampled_from(['"', "'", None]),
    encoding=st.just("utf-8"),
)


class Slow:
    """A stream that gives a few bytes at a time, to cut records where they can be cut."""

    def __init__(self, content: bytes, size: int) -> None:
        self._content, self._size = io.BytesIO(content), size

    def read(self, _size: int, /) -> bytes:
        return self._content.read(self._size)


def read(content: bytes, dialect: Dialect | None = None, size: int = 1 << 20) -> list[Record]:
    return list(CsvFile(Slow(content, size), "f.csv", dialect or Dialect()).records())


def by_blocks(content: bytes, dialect: Dialect, size: int, seen: list[bool] | None = None) -> bytes:
    """COPY text as raw loading makes it: block by block, by the fast path where it dares."""
    file = CsvFile(Slow(content, size), "f.csv", dialect)
    fast = FastPath(dialect, len(file.header), "")
    out = b""
    for block in file.blocks():
        converted = fast.from_csv(block)
        if seen is not None:
            seen.append(converted is not None)
        out += from_records(file.parse(block), "") if converted is None else converted[0]
    return out


def outcome(work: Callable[[], object]) -> object:
    """What work gives, or the message it fails with."""
    try:
        return work()
    except FormatBroken as error:
        return str(error)


def csv_says(text: str, dialect: Dialect) -> list[list[str]] | None:
    """What Python's csv module makes of a text; None when it refuses it."""
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


@settings(max_examples=2000)
@given(text=NEARLY, width=st.integers(1, 4), size=st.sampled_from([5, 1 << 20]))
def test_fast_path_and_records_agree_on_what_is_nearly_right(text: str, width: int, size: int) -> None:
    content = (",".join("h" * width) + "\n" + text).encode()
    slow = outcome(lambda: from_records(read(content, size=size), ""))
    assert outcome(lambda: by_blocks(content, Dialect(), size)) == slow


@given(text=UGLY, width=st.integers(1, 4), dialect=DIALECTS, size=st.integers(1, 40))
@example(text='"a","b\n', width=2, dialect=Dialect(), size=40)
@example(text='"a","b"x\n', width=2, dialect=Dialect(), size=40)
@example(text='a,"b""c"\n"",""\n', width=2, dialect=Dialect(), size=40)
def test_fast_path_and_records_agree(text: str, width: int, dialect: Dialect, size: int) -> None:
    content = (dialect.delimiter.join("h" * width) + "\n" + text).encode()
    slow = outcome(lambda: from_records(read(content, dialect, size), ""))
    assert outcome(lambda: by_blocks(content, dialect, size)) == slow


@given(
    table=st.integers(1, 4).flatmap(
        lambda n: st.lists(st.lists(FIELD, min_size=n, max_size=n), min_size=1, max_size=8)
    ),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    size=st.integers(1, 100),
)
def test_what_csv_writes_comes_back_by_either_path(
    table: list[list[str]], quoting: int, end: str, size: int
) -> None:
    if quoting == csv.QUOTE_MINIMAL:  # csv's writer may put no quotes around a line end that is not its own
        foreign = str.maketrans("", "", "\r\n".translate(str.maketrans("", "", end)))
        table = [[value.translate(foreign) for value in values] for values in table]
    written = io.StringIO(newline="")
    writer = csv.writer(written, quoting=quoting, lineterminator=end)  # type: ignore[arg-type]
    writer.writerow("h" * len(table[0]))
    writer.writerows(table)
    content = written.getvalue().encode()
    records = read(content, size=size)
    assert [record.values for record in records] == table
    assert by_blocks(content, Dialect(), size) == from_records(records, "")


@pytest.mark.parametrize(
    ("body", "dialect"),
    [
        (b"1,a\n2,\n", Dialect()),
        (b'"1","a"\n"2",""\n', Dialect()),
        (b'"1","a, b"\r\n"2","say ""hi"""\r\n', Dialect()),
        (b'1,"a, b"\n2,c\n"3",""""\n', Dialect()),
        (b"1;a\r2;b", Dialect(delimiter=";")),
        (b'1\t"a\n2\tb"\n', Dialect(delimiter="\t", quote_char=None)),
        (b"1,\\N\n2,a\\,b\n".replace(b"\\,", b"\\"), Dialect()),
    ],
)
def test_ordinary_files_take_the_fast_path(body: bytes, dialect: Dialect) -> None:
    seen: list[bool] = []
    content = dialect.delimiter.join(["id", "name"]).encode() + b"\n" + body
    assert by_blocks(content, dialect, 1 << 20, seen) == from_records(read(content, dialect), "")
    assert seen == [True]


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
    monkeypatch.setattr("extract.csv_records.LONGEST_RECORD", 1 << 20)
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


def test_a_separator_in_a_file_is_no_separator_in_copy_text() -> None:
    content = f"h,i\na{SEPARATOR}b,c\\\n".encode()
    assert by_blocks(content, Dialect(), 1 << 20) == f"2{SEPARATOR}a\\{SEPARATOR}b{SEPARATOR}c\\\\\n".encode()
