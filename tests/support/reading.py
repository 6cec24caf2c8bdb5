"""Helpers of tests of reading: texts that are hard to read, and streams that give little at a time."""

from __future__ import annotations

import io

from hypothesis import strategies as st

from headwater.extract.files.csv_records import CsvFile
from headwater.extract.files.dialect import Dialect
from headwater.extract.files.record import Record

# Texts made of the characters that matter, so that quotes, line ends and delimiters meet in every way.
UGLY = st.text(st.sampled_from("ab,;\"'\n\r\\é\x1f \t"), max_size=60)
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
