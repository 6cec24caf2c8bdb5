"""Text in blocks: whole lines, strictly decoded; what is no text is told by line and byte."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.extract.files.text_blocks import Block, count_lines, read_blocks
from headwater.metadata.errors import FormatBroken
from tests.support.reading import UGLY, Slow


@given(
    text=UGLY, size=st.integers(1, 20), encoding=st.sampled_from(["utf-8", "utf-16", "latin-1", "utf-16-be"])
)
def test_blocks_are_the_text_cut_after_line_ends(text: str, size: int, encoding: str) -> None:
    blocks = list(read_blocks(Slow(text.encode(encoding), size), "f", encoding))
    assert b"".join(block.text for block in blocks).decode() == text
    line = 1
    for block in blocks:
        assert block.line == line
        assert block.line_ends == count_lines(block.text)
        line += block.line_ends
    for one, other in pairwise(blocks):
        assert one.text[-1:] in b"\r\n"
        assert not (one.text.endswith(b"\r") and other.text.startswith(b"\n"))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 100])
@pytest.mark.parametrize(
    ("encoding", "content", "line", "byte", "offset"),
    [
        ("utf-8", b"one\ntwo\r\nth\xe9\n", 3, "e9", 11),
        ("utf-8", b"one\xff", 1, "ff", 3),
        ("utf-8", "one\né".encode()[:-1], 2, "c3", 4),
        ("utf-8", b"\xed\xa0\x80", 1, "ed", 0),  # half a surrogate pair
        ("ascii", b"one\n\xc3\xa9\n", 2, "c3", 4),
        ("cp1252", b"one\ntwo\n\x81\n", 3, "81", 8),
        ("utf-16-le", "one\ntwo\n".encode("utf-16-le") + b"\x00\xdca\x00", 3, "00dc", 16),
    ],
)
def test_a_byte_that_is_no_text_is_told_by_line_and_offset(
    encoding: str, content: bytes, line: int, byte: str, offset: int, size: int
) -> None:
    with pytest.raises(FormatBroken) as refused:
        list(read_blocks(Slow(content, size), "f", encoding))
    assert refused.value.line == line
    assert refused.value.reason.startswith(f"byte 0x{byte}")
    assert f"at offset {offset} is not {encoding}" in refused.value.reason


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_a_nul_is_told_by_its_line(encoding: str, size: int) -> None:
    with pytest.raises(FormatBroken, match=r"^f:3: a NUL byte, expected text$"):
        list(read_blocks(Slow("one\rtwo\r\nth\0ree\n".encode(encoding), size), "f", encoding))


def test_only_the_first_mark_is_a_byte_order_mark() -> None:
    assert list(read_blocks(Slow("\ufeffa\n\ufeffb\n".encode(), 5), "f", "utf-8")) == [
        Block(1, b"a\n", 1),
        Block(2, "\ufeffb\n".encode(), 1),
    ]


@pytest.mark.parametrize(
    ("text", "lines"), [(b"", 0), (b"a", 0), (b"a\n", 1), (b"\r\n\r\n", 2), (b"\r\r\n\n", 3)]
)
def test_line_ends_of_all_kinds_are_counted(text: bytes, lines: int) -> None:
    assert count_lines(text) == lines
