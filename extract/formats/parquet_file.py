"""Parquet, read by pyarrow batch by batch: every type as text without loss, nested values as JSON."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from extract.csv_records import Record
from extract.formats.fit_text import fit_records
from extract.formats.json_values import JsonValue, Number, as_json
from extract.limits import Limits
from extract.text_blocks import Readable
from metadata.errors import FormatBroken
from metadata.static.model import Source

BATCH = 5000  # rows
SPOOL = 1 << 20  # bytes
BROKEN = (pa.ArrowException, OSError, ValueError, KeyError)
Texts = Sequence[str | None]


class ParquetFile:
    """A Parquet file. A record's line is its number. Raises `FormatBroken`."""

    line: int | None = None
    expected = "expected a Parquet file that has them"

    def __init__(self, source: Source, stream: Readable, file: str) -> None:
        self._file = file
        self._spool: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        while piece := stream.read(SPOOL):
            self._spool.write(piece)
        self._spool.seek(0)
        try:
            self._parquet = pq.ParquetFile(self._spool, pre_buffer=False)
        except BROKEN as error:
            raise self._broken(error) from None
        unpacked = sum(
            self._parquet.metadata.row_group(n).total_byte_size for n in range(self._parquet.num_row_groups)
        )
        Limits.of(source).require(file, unpacked, unpacked)
        self.header = tuple(self._parquet.schema_arrow.names)

    def records(self) -> Iterator[Record]:
        """The rows, a batch at a time."""
        return fit_records(self._rows(), self._file, self.header)

    def _rows(self) -> Iterator[Record]:
        number = 0
        try:
            for batch in self._parquet.iter_batches(BATCH):
                columns = [_texts(batch.column(place)) for place in range(len(self.header))]
                for values in zip(*columns, strict=True):
                    number += 1
                    yield Record(number, list(values))
        except BROKEN as error:
            raise self._broken(error) from None

    def _broken(self, error: Exception) -> FormatBroken:
        said = str(error).splitlines()[0].removesuffix(".")
        return FormatBroken(self._file, None, f"not a Parquet file that can be read ({said})")


def _texts(column: pa.Array) -> Texts:
    """A column as text: by Arrow where its text is exact, else value by value."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _texts(column.dictionary_decode())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _list(column)
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_date(kind):
        return _list(column.cast(pa.string()))
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return [None if text is None else _plain(text) for text in _list(column.cast(pa.string()))]
    if pa.types.is_timestamp(kind) or pa.types.is_time(kind):
        if pa.types.is_timestamp(kind) and kind.tz:
            column = column.cast(pa.timestamp(kind.unit, "UTC"))
        return _list(_without_idle_zeros(column.cast(pa.string())))
    return [_text(value) for value in column.to_pylist(maps_as_pydicts="strict")]


def _list(column: pa.Array) -> Texts:
    texts: Texts = column.to_pylist()
    return texts


def _without_idle_zeros(column: pa.Array) -> pa.Array:
    """Moments that end in a fraction of a second without the zeros that only fill it up."""
    whole = pc.replace_substring_regex(column, r"\.0+(Z?)$", r"\1")
    return pc.replace_substring_regex(whole, r"(\.[0-9]*[1-9])0+(Z?)$", r"\1\2")


def _plain(text: str) -> str:
    """A number without an exponent."""
    return format(Decimal(text), "f") if "e" in text.lower() else text


def _text(value: Any) -> str | None:
    """A value of a type that Arrow has no exact text for."""
    if value is None:
        return None
    found = _json(value)
    return str(found) if isinstance(found, str) else as_json(found)


def _json(value: Any) -> JsonValue:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, dict):
        return {str(name): _json(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_json(inner) for inner in value]
    if isinstance(value, (int, float, Decimal)):
        is_number = Decimal(value).is_finite()
        return Number(_plain(str(value))) if is_number else str(value)
    if isinstance(value, bytes):
        return rf"\x{value.hex()}"
    if isinstance(value, datetime):
        return value.isoformat(" ")
    return value.isoformat() if isinstance(value, (date, time)) else str(value)
