"""COPY text: the fast path never reads anything otherwise than the csv module does, and takes what is ordinary."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headwater.extract.files.copy_text import SEPARATOR, FastPath, from_records
from headwater.extract.files.csv_records import CsvFile
from headwater.extract.files.dialect import Dialect
from headwater.metadata.errors import FormatBroken
from tests.support.reading import DIALECTS, UGLY, Slow, read

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
    """Return what work gives, or the message it fails with."""
    try:
        return work()
    except FormatBroken as error:
        return str(error)


@settings(max_examples=2 * settings().max_examples)
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
        (b'"1","a"\n"2","b"', Dialect()),
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
    assert seen
    assert all(seen)


def test_a_separator_in_a_file_is_no_separator_in_copy_text() -> None:
    content = f"h,i\na{SEPARATOR}b,c\\\n".encode()
    assert by_blocks(content, Dialect(), 1 << 20) == f"2{SEPARATOR}a\\{SEPARATOR}b{SEPARATOR}c\\\\\n".encode()
