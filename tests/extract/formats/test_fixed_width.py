"""Fixed width: columns by place in characters, and nothing that lies outside of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.extract.formats.fixed_width import FixedWidthFile
from tests.support.reading_formats import opened, read, refusal, stream
from tests.support.sources import make_source

TABLE = "name:1-6|code:8-10|sex:11"


@given(
    st.lists(
        st.tuples(st.text("aü 9-", max_size=6), st.text("xß", min_size=3, max_size=3), st.sampled_from("mf"))
    ),
    st.sampled_from(["utf-8", "latin-1", "utf-16"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_columns_are_cut_by_characters(lines: list[tuple[str, str, str]], encoding: str, end: str) -> None:
    content = end.join(f"{name:6} {code}{sex}" for name, code, sex in lines).encode(encoding)
    header, found = read("fixed_width", content, 3, fixed_columns=TABLE, encoding=encoding)
    assert header == ("name", "code", "sex")
    assert found == [(name.strip(" "), code, sex) for name, code, sex in lines]


def test_records_have_the_lines_of_the_file() -> None:
    content = b"name   codes\nUlm    001m \n\n \nBonn   002f"
    source = make_source(options={"format": "fixed_width", "fixed_columns": TABLE, "first_line": "2"})
    assert [(r.line, r.values) for r in opened(source, content).records()] == [
        (2, ["Ulm", "001", "m"]), (5, ["Bonn", "002", "f"]),
    ]  # fmt: skip


def test_a_last_column_without_an_end_takes_what_there_is() -> None:
    content = b"001 a note\n002\n003 another, longer\n"
    assert read("fixed_width", content, fixed_columns="id:1-3|note:5-")[1] == [
        ("001", "a note"), ("002", ""), ("003", "another, longer"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"Ulm    001m\nBonn   00\n", "f:2: 9 characters, expected 11 (fixed_columns)"),
        (b"Ulm    001m x\n", "f:1: 'x' from character 13 on, where no column is, expected blanks (fixed_columns)"),
        (b"Ulm   -001m\n", "f:1: '-' from character 7 on, where no column is, expected blanks (fixed_columns)"),
        (b"Ulm    0\0 m\n", "f:1: a NUL byte, expected text"),
        (b"PK\x03\x04", "f: got a ZIP (Excel's .xlsx is one too), expected text: once the publisher has mended it, the next run takes it"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(content: bytes, message: str) -> None:
    assert refusal("fixed_width", content, fixed_columns=TABLE) == message


def test_a_file_is_its_own_header() -> None:
    source = make_source(options={"format": "fixed_width", "fixed_columns": TABLE})
    assert FixedWidthFile(source, stream(b""), "f").header == ("name", "code", "sex")
