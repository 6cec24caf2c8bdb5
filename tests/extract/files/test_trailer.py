"""Lines that are no records: the last ones, those that a pattern tells, and the count that one of them says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.extract.files.text_blocks import Block
from headwater.extract.files.trailer import LONGEST_TRAILER, Trailer
from headwater.metadata.errors import FormatBroken
from headwater.metadata.static.model import DatedOption
from tests.extract.raw.test_broken_files import zipped
from tests.support.loader import Loader
from tests.support.reading_formats import opened, read, refusal
from tests.support.sources import make_source
from tests.support.workbooks import ods, xls, xlsx

COUNT = r"^T;(?P<count>.*)"
TWICE = "f:5: 'T;2' is a second line that trailer_count matches, after line 4, expected one in a file"
NONE = (
    "f: 2 records and no line that trailer_count matches, expected one that says how many there are: is the file cut"
    " off?"
)
FIXED = {"format": "fixed_width", "fixed_columns": "id:1-1|name:3-"}


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("tail", ["", "\n", "\n \n\n"])
def test_the_last_lines_are_left_off_and_blank_ones_are_not_counted(size: int, end: str, tail: str) -> None:
    content = f"id,name\n1,Ulm\n2,Bonn\nTotal: 2\n-- end --{tail}".replace("\n", end).encode()
    assert read("csv", content, size, skip_last_lines="2")[1] == [("1", "Ulm"), ("2", "Bonn")]


@pytest.mark.parametrize(
    ("format_name", "options", "content", "found"),
    [
        ("csv", {}, b"id,name\n# note\n1,Ulm\n# note\n2,Bonn\nTotal;2\n", [("1", "Ulm"), ("2", "Bonn")]),
        ("csv", {"quote_char": "'"}, b"id,name\n1,'Ulm\n# not a note'\n# note, 'open\n", [("1", "Ulm\n# not a note")]),
        ("fixed_width", FIXED, b"# note\n1 Ulm\nTotal 1\n", [("1", "Ulm")]),
        ("ndjson", {}, b'{"id":1}\n# note\nTotal 1\n', [("1",)]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [3, 1 << 20])
def test_lines_that_match_are_left_off_where_a_record_would_begin(
    format_name: str, options: dict[str, str], content: bytes, found: list[Any], size: int
) -> None:
    facts = {key: value for key, value in options.items() if key != "format"}
    assert read(format_name, content, size, skip_lines_matching="^(#|Total)", **facts)[1] == found


def test_records_keep_the_lines_of_the_file() -> None:
    content = b'# a\nid,name\n1,"Ulm\n# b"\n# c\n\n2,Bonn\nTotal\n'
    options = {"header_line": "2", "skip_lines_matching": "^#", "skip_last_lines": "1"}
    records = opened(make_source(options=options), content, 5).records()
    assert [(line, *values) for line, values in records] == [(3, "1", "Ulm\n# b"), (7, "2", "Bonn")]


@pytest.mark.parametrize("make", [xls, xlsx, ods])
def test_rows_of_a_sheet_are_left_off_too(make: Any) -> None:
    table = [["id", "name"], ["1", "Ulm"], ["Subtotal", None], ["2", "Bonn"], ["T;2", None], ["end", None]]
    options: dict[str, Any] = {
        "skip_lines_matching": "^Subtotal",
        "skip_last_lines": "1",
        "trailer_count": COUNT,
    }
    assert read("excel", make(table), **options)[1] == [("1", "Ulm"), ("2", "Bonn")]
    options["trailer_count"] = r"^T;(?P<count>)"
    assert (
        refusal("excel", make(table), **options) == "f:5: '' in 'T;2' is no number of records (trailer_count)"
    )


@pytest.mark.parametrize(
    ("trailer", "options", "message"),
    [
        ("T;2", {}, None),
        ("T;000002", {"skip_last_lines": "1"}, None),
        ("T;3", {}, "f:4: 'T;3' says 3 records, 2 came (trailer_count)"),
        ("T;1", {"skip_last_lines": "1"}, "f:4: 'T;1' says 1 records, 2 came (trailer_count)"),
        ("T;1.002", {}, "f:4: 'T;1.002' says 1002 records, 2 came (trailer_count)"),
        ("T;1.02", {}, "f:4: '1.02' in 'T;1.02' is no number of records (trailer_count)"),
        ("T;two", {}, "f:4: 'two' in 'T;two' is no number of records (trailer_count)"),
        ("T;2\nT;2", {}, TWICE),
        ("", {}, NONE),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [2, 1 << 20])
@pytest.mark.parametrize("format_name", ["csv", "fixed_width", "ndjson"])
def test_the_count_in_a_trailer_is_held_against_the_records(
    format_name: str, size: int, trailer: str, options: dict[str, str], message: str | None
) -> None:
    lines = {"csv": ["id,name", "1,Ulm", "2,Bonn"], "ndjson": ["", '{"id":1}', '{"id":2}']}
    content = "\n".join([*lines.get(format_name, ["", "1 Ulm", "2 Bonn"]), trailer, ""]).encode()
    options = {**(FIXED if format_name == "fixed_width" else {}), **options, "trailer_count": COUNT}
    source = make_source(options={**options, "format": format_name})
    try:
        assert len(list(opened(source, content, size).records())) == 2
        text = None
    except FormatBroken as error:
        text = str(error)
    assert text == message


def test_files_of_one_delivery_have_a_trailer_each(loader: Loader) -> None:
    source = make_source(options={"zip_members": "all", "trailer_count": COUNT})
    files = {"a.csv": b"id,name\n1,Ulm\nT;1\n", "b.csv": b"id,name\n2,Bonn\n3,Kiel\nT;2\n"}
    assert loader.load(source, zipped(files), "places.zip").written == 3
    with pytest.raises(FormatBroken) as refused:
        loader.load(source, zipped({**files, "b.csv": b"id,name\n2,Bonn\nT;2\n"}), "places-2.zip")
    assert str(refused.value) == "places-2.zip/b.csv:3: 'T;2' says 2 records, 1 came (trailer_count)"


def test_the_fast_way_into_raw_leaves_the_same_lines_off(loader: Loader) -> None:
    content = b"id,name\n1,Ulm\n2,Bonn\nT;2\n"
    loader.load(make_source(options={"skip_last_lines": "1"}), content)
    loader.forget_definition()
    loader.load(make_source(options={"trailer_count": COUNT}), content, "again.csv")
    assert loader.rows("line_number", "id", "name") == [(2, "1", "Ulm"), (3, "2", "Bonn")] * 2
    with pytest.raises(FormatBroken, match="'T;3' says 3 records, 2 came"):
        loader.load(
            make_source(options={"trailer_count": COUNT}), content.replace(b"T;2", b"T;3"), "wrong.csv"
        )


def test_a_trailer_may_begin_on_a_date(loader: Loader) -> None:
    dated = DatedOption("skip_last_lines", "1", datetime(2026, 1, 1, tzinfo=UTC))
    source = make_source(dated_options=(dated,))
    loader.load(source, b"id,name\n1,Ulm\nTotal\n")
    assert loader.rows("id") == [("1",)]


def test_a_file_shorter_than_its_trailer_is_refused() -> None:
    expected = "f: fewer lines than the 3 that skip_last_lines leaves off at the end"
    assert refusal("csv", b"id,name\n\nTotal\n", skip_last_lines="3") == expected
    assert refusal("csv", b"id,name\nTotal\n", skip_last_lines="2") == "f: empty, expected a header"
    assert refusal("excel", xlsx([["id"], ["1"]]), skip_last_lines="2") == (
        "f: fewer rows than the 2 that skip_last_lines leaves off at the end"
    )


def test_no_pattern_looks_at_a_long_line() -> None:
    trailer = Trailer(make_source(options={"skip_lines_matching": "x$"}), "f")
    assert trailer.is_left_off(1, "x" * LONGEST_TRAILER)
    assert not trailer.is_left_off(1, "x" * (LONGEST_TRAILER + 1))


@given(st.lists(st.sampled_from(["a", "", " ", "bc"]), min_size=1), st.integers(1, 4), st.integers(1, 5))
def test_what_is_left_off_does_not_depend_on_how_the_text_comes(
    lines: list[str], last: int, size: int
) -> None:
    trailer = Trailer(make_source(options={"skip_last_lines": str(last)}), "f")
    encoded = [f"{line}\n".encode() for line in lines]
    blocks = [
        Block(start + 1, b"".join(encoded[start : start + size]), len(encoded[start : start + size]))
        for start in range(0, len(encoded), size)
    ]
    filled = [number for number, line in enumerate(lines) if line.strip()]
    if len(filled) < last:
        with pytest.raises(FormatBroken):
            list(trailer.without_last(iter(blocks)))
        return
    found = list(trailer.without_last(iter(blocks)))
    kept = b"".join(block.text for block in found)
    assert kept == b"".join(encoded[: filled[-last]])
    starts = [1 + kept[: sum(len(b.text) for b in found[:n])].count(b"\n") for n in range(len(found))]
    assert [block.line for block in found] == starts
    assert [block.line_ends for block in found] == [block.text.count(b"\n") for block in found]
