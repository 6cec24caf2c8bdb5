"""Refusal of texts in files that Postgres cannot store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headwater.extract.files.limits import Expansion
from headwater.extract.files.record import Record
from headwater.metadata.errors import FormatBroken
from headwater.metadata.storable import is_storable


def fit_records(
    records: Iterator[Record], file: str, header: Sequence[str], expansion: Expansion, stage: str = "values"
) -> Iterator[Record]:
    """Yield the same records. Raises `FormatBroken` for a NUL or an incomplete character in a value or name.

    Also raises it if they exceed the limits for the landed bytes.
    """
    require_names(header, file, None)
    for record in records:
        expansion.give(record.values, header, file, record.line, stage)
        _require(record.values, file, record.line, header)
        yield record


def require_names(header: Sequence[str], file: str, line: int | None) -> None:
    """Raise `FormatBroken` for a NUL or an incomplete character in a name of a header, which Postgres cannot store."""
    for place, name in enumerate(header, 1):
        if not is_storable(name):
            raise FormatBroken(
                file,
                line,
                f"the name {name!a:.60} of column {place} has a NUL or half a character, expected text: once the"
                " publisher has mended it, the next run takes it",
            )


def _require(values: Sequence[str | None], file: str, line: int | None, header: Sequence[str]) -> None:
    together = "".join([value for value in values if value])
    if "\0" not in together and (together.isascii() or is_storable(together)):
        return
    place = next(n for n, value in enumerate(values) if value and not is_storable(value))
    raise FormatBroken(
        file,
        line,
        f"{values[place]!a:.60} in column {header[place]!a} has a NUL or half a character, expected text",
    )
