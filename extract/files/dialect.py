"""The CSV dialect of a source, from its `source_attribute` rows."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from headwater.metadata.static.model import Source


def encoding_of(source: Source) -> str:
    """Return the Python codec for a source's files; one with a byte order mark equals one without."""
    encoding = codecs.lookup(source.options.get("encoding", "utf-8")).name
    return "utf-8" if encoding == "utf-8-sig" else encoding


@dataclass(frozen=True)
class Dialect:
    """The format of a text file of records. `quote_char` is None where quoting is off."""

    delimiter: str = ","
    quote_char: str | None = '"'
    encoding: str = "utf-8"  # as Python's codecs name it
    header_line: int = 1  # physical line, from 1
    trim_whitespace: bool = False

    @classmethod
    def of(cls, source: Source) -> Dialect:
        """Return the dialect from the source's options, which `check` has validated."""
        options = source.options
        return cls(
            delimiter=options.get("delimiter", ","),
            quote_char=options.get("quote_char", '"') or None,
            encoding=encoding_of(source),
            header_line=int(options.get("header_line", "1")),
            trim_whitespace=options.get("trim_whitespace", "false") == "true",
        )
