"""Text of binary formats: what Postgres cannot have is refused before it is sent there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from extract.csv_records import Record
from metadata.errors import FormatBroken


def fit_records(records: Iterator[Record], file: str, header: Sequence[str]) -> Iterator[Record]:
    """The same records. Raises `FormatBroken` for a NUL or half a character in a value, or in a name of the header."""
    _require(header, file, None, header)
    for record in records:
        _require(record.values, file, record.line, header)
        yield record


def _require(values: Sequence[str | None], file: str, line: int | None, header: Sequence[str]) -> None:
    together = "".join([value for value in values if value])
    if "\0" not in together and (together.isascii() or _is_whole(together)):
        return
    place = next(n for n, value in enumerate(values) if value and ("\0" in value or not _is_whole(value)))
    raise FormatBroken(
        file,
        line,
        f"{values[place]!a:.60} in column {header[place]!a} has a NUL or half a character, expected text",
    )


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
