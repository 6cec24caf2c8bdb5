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

from headwater.extract.files.limits import Expansion
from headwater.extract.files.record import Record
from headwater.extract.files.text_blocks import Readable
from headwater.extract.formats.fit_text import fit_records
from headwater.extract.formats.json_values import JsonValue, Number, as_json
from headwater.metadata.errors import FormatBroken
from headwater.metadata.static.model import Source

BATCH, BATCH_BYTES = 5000, 32 << 20  # rows, and their bytes; whichever is less
SPOOL = 1 << 20  # bytes
BROKEN = (pa.ArrowException, OSError, ValueError, KeyError)
Texts = Sequence[str | None]


class ParquetFile:
    """A Parquet file. A record's line is its number. Raises `FormatBroken`."""

    line: int | None = None
    expected = "expected a Parquet file that has them"

    def __init__(self, _source: Source, stream: Readable, file: str, expansion: Expansion) -> None:
        self._file, self._expansion = file, expansion
        self._spool: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        while piece := stream.read(SPOOL):
            self._spool.write(piece)
        self._spool.seek(0)
        try:
            self._parquet = self._open()
        except BROKEN as error:
            raise self._broken(error) from None
        self.header = tuple(self._parquet.schema_arrow.names)

    def records(self) -> Iterator[Record]:
        """The rows, a batch at a time."""
        return fit_records(self._rows(), self._file, self.header, self._expansion)

    def _open(self) -> pq.ParquetFile:
        """Return the file with its texts dictionary-encoded: memory holds each text once, however often it comes."""
        found = pq.ParquetFile(self._spool, pre_buffer=False).metadata
        groups = [found.row_group(number) for number in range(found.num_row_groups)]
        unpacked = sum(group.total_byte_size for group in groups)
        self._expansion.unpack("Parquet", unpacked, self._file)
        # of lists, whose elements may be many in one row
        values = sum(group.column(place).num_values for group in groups for place in range(group.num_columns))
        self._expansion.unpack(
            "values of Parquet", max(0, values - found.num_rows * found.num_columns), self._file
        )
        self._batch = max(1, min(BATCH, BATCH_BYTES * found.num_rows // max(1, unpacked)))
        columns = [found.schema.column(place) for place in range(found.num_columns)]
        texts = [column.path for column in columns if _is_text(column)]
        return pq.ParquetFile(self._spool, pre_buffer=False, read_dictionary=texts)

    def _rows(self) -> Iterator[Record]:
        number = 0
        try:
            for batch in self._parquet.iter_batches(self._batch):
                columns = [_texts(batch.column(place)) for place in range(len(self.header))]
                for values in zip(*columns, strict=True):
                    number += 1
                    yield Record(number, list(values))
        except BROKEN as error:
            raise self._broken(error) from None

    def _broken(self, error: Exception) -> FormatBroken:
        message = str(error).splitlines()[0].removesuffix(".")
        return FormatBroken(self._file, None, f"not a Parquet file that can be read ({message})")


def _is_text(column: pq.ColumnSchema) -> bool:
    """Return whether a column has texts or bytes, outside of lists and structures."""
    is_bytes = column.physical_type == "BYTE_ARRAY" and column.logical_type.type in ("STRING", "NONE")
    return is_bytes and column.path == column.name and column.max_repetition_level == 0


def _texts(column: pa.Array) -> Texts:
    """Return a column as text: by Arrow if its text is exact, else value by value."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        values = _texts(column.dictionary)
        return [None if place is None else values[place] for place in column.indices.to_pylist()]
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
    """Return moments without the trailing zeros of their fractions of a second."""
    whole = pc.replace_substring_regex(column, r"\.0+(Z?)$", r"\1")
    return pc.replace_substring_regex(whole, r"(\.[0-9]*[1-9])0+(Z?)$", r"\1\2")


def _plain(text: str) -> str:
    """Return a number without an exponent."""
    return format(Decimal(text), "f") if "e" in text.lower() else text


def _text(value: Any) -> str | None:
    """Return a value of a type for which Arrow has no exact text."""
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
