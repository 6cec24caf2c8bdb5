"""Raw: loads a landed delivery from S3 into `raw.<source>`, as a stream, by one COPY, completely or not at all."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

from psycopg2 import sql
from sqlalchemy import Connection

from headwater.extract.files.archive import is_archive, open_members
from headwater.extract.files.content import ZIP, begin
from headwater.extract.files.copy_text import OPTIONS, SEPARATOR, FastPath, from_records
from headwater.extract.files.csv_records import CsvFile
from headwater.extract.files.limits import Expansion
from headwater.extract.files.members import Members
from headwater.extract.files.record import Record
from headwater.extract.files.text_blocks import Block
from headwater.extract.formats.copy_file import CopyFile
from headwater.extract.formats.discovered import Discovered
from headwater.extract.formats.fit_text import fit_records, require_names
from headwater.extract.formats.registry import Content, open_content
from headwater.extract.landing.store import ObjectReader, ObjectStore
from headwater.extract.raw.read_ahead import read_ahead
from headwater.extract.raw.transforms import transform_function
from headwater.extract.schema.columns import Layout, match_header
from headwater.extract.schema.contract import breach, is_kept, lacks_key
from headwater.extract.schema.raw_table import OWN_COLUMNS, REST, SCHEMA, ensure_raw_table
from headwater.extract.schema.renames import renamed_columns
from headwater.metadata.errors import FormatBroken, LedgerBroken, StorageError
from headwater.metadata.process.deliveries import Delivery, record_layer
from headwater.metadata.process.events import was_let_in
from headwater.metadata.process.headers import header_before, record_header
from headwater.metadata.progress import Transfer, transfer
from headwater.metadata.static.model import Source

if TYPE_CHECKING:
    import psycopg2.extensions

SPOOL = 1 << 20  # bytes
BATCH = 2000  # records in a piece of COPY text, where they go one by one,
BATCH_CHARACTERS = 4 << 20  # or as many as have so many characters


@dataclass
class Counts:
    """The records of a delivery: the number parsed from the file, and the number in raw after the transform."""

    parsed: int = 0
    written: int = 0
    lacking: tuple[str, ...] = ()  # columns that must be there and are null: the delivery was let in without


def load_raw(
    connection: Connection, store: ObjectStore, source: Source, delivery: Delivery, job_inst_id: int
) -> Counts:
    """Write the rows of a delivery and its status.

    The caller's transaction holds the source's lock. Raises `FormatBroken` if the file breaks its format,
    `ColumnsBroken` if its columns differ from the metadata, unless the delivery was accepted once,
    `StorageError` if the object is not the landed one, `LedgerBroken` if Postgres counts other rows than were
    sent: the caller then rolls back.
    """
    source = source.at(delivery.delivery_date)
    ensure_raw_table(connection, source)
    counts = Counts()
    with _opened(store, source, delivery) as (members, moved):
        content = open_content(source, members)
        file = members.file
        wrangled = transform_function(source)
        records: Iterator[Record] | None = None
        header: Sequence[str] = content.header
        if wrangled is not None:
            header, produced = wrangled(source, header, _counted(content.records(), counts), file)
            fitting = _of_width(iter(produced), header, file)
            records = fit_records(fitting, file, header, members.expansion, "wrangled values")
        require_names(header, file, content.line)
        match = match_header(source, header)
        if not is_kept(source, match):
            if lacks_key(source, match) or not was_let_in(connection, delivery.delivery_sqn):
                compared = records or content.records()
                earlier = header_before(connection, delivery)
                renamed = renamed_columns(connection, source, earlier, match, compared)
                raise breach(
                    source, match, renamed, file, content.line, content.expected, is_first=earlier is None
                )
            counts.lacking = match.missing
        layout = Layout.of(source, match)
        constants = f"{delivery.delivery_sqn}{SEPARATOR}{job_inst_id}{SEPARATOR}"
        if records is not None:
            pieces = _by_batch(_batches(map(layout.row, records)), constants, counts)
        elif layout.is_plain and isinstance(content, (CsvFile, CopyFile)):
            pieces = _by_block(content, layout, constants, counts)
        else:
            pieces = _by_batch(_counted_batches(content, layout, counts), constants, counts)
        columns = [*OWN_COLUMNS, *layout.columns, *([REST] if layout.rest else [])]
        copied = _copy(connection, source.name, columns, _with_progress(pieces, counts, moved))
    if copied != counts.written:
        raise LedgerBroken(
            delivery.delivery_sqn, "raw", f"{counts.written} rows were sent, Postgres counts {copied}"
        )
    record_header(connection, delivery.delivery_sqn, header)
    record_layer(
        connection,
        delivery.delivery_sqn,
        "raw",
        status="loaded",
        job_inst_id=job_inst_id,
        file_size=delivery.file_size,
        record_count=counts.written,
        parsed_count=counts.parsed,
    )
    return counts


@contextmanager
def _opened(store: ObjectStore, source: Source, delivery: Delivery) -> Iterator[tuple[Members, Transfer]]:
    """The files of a delivery, and the transfer that counts its bytes.

    At the end, and before a file is blamed for its format, the object must have been what landed.
    """
    name, expansion = delivery.publisher_name, Expansion.of(source, delivery.file_size)
    moving = transfer(f"{source.name}: loading {name}", delivery.file_size)
    with store.open(store.key(delivery.delivery_filename)) as stored, moving as moved, ExitStack() as opened:
        landed = _Landed(stored, moved)
        beginning, whole = begin(landed, len(ZIP))
        if is_archive(source, name, beginning):
            spool = opened.enter_context(tempfile.TemporaryFile())  # a ZIP is read from its end
            while chunk := whole.read(SPOOL):
                spool.write(chunk)
            landed.require(delivery)
            pattern, is_all = source.options.get("zip_member"), source.options.get("zip_members") == "all"
            members = opened.enter_context(open_members(spool, name, pattern, expansion, is_all=is_all))
        else:
            members = Members(iter([(whole, name)]), [name], expansion)
        try:
            yield members, moved
        except FormatBroken as error:
            damage = members.damage()  # is to blame for what is wrong with what it damaged
            landed.read_to_end()
            landed.require(delivery)
            raise damage or error from None
        landed.read_to_end()
        landed.require(delivery)


class _Landed:
    """A stream that computes the digest of an object while it is read, and counts its bytes for a transfer."""

    def __init__(self, stored: ObjectReader, moved: Transfer) -> None:
        self._stored, self._digest, self._moved = stored, hashlib.sha256(), moved

    def read(self, size: int, /) -> bytes:
        chunk = self._stored.read(size)
        self._digest.update(chunk)
        self._moved.advance(size=len(chunk))
        return chunk

    def read_to_end(self) -> None:
        """Read the rest of the object, which the format did not need."""
        while self.read(SPOOL):
            pass

    def require(self, delivery: Delivery) -> None:
        """Raise `StorageError` unless the object was read to its end and is the content that landed."""
        if self._digest.hexdigest() != delivery.content_sha256:
            raise StorageError(
                f"{delivery.source}: {delivery.delivery_filename} is not what landed: sha256 "
                f"{self._digest.hexdigest()}, expected {delivery.content_sha256}"
            )


def _with_progress(pieces: Iterator[bytes], counts: Counts, moved: Transfer) -> Iterator[bytes]:
    """Yield the pieces, and count their rows for a transfer."""
    before = 0
    for piece in pieces:
        moved.advance(rows=counts.written - before)
        before = counts.written
        yield piece


def _by_block(content: CsvFile | CopyFile, layout: Layout, constants: str, counts: Counts) -> Iterator[bytes]:
    if isinstance(content, CopyFile):
        convert: Callable[[Block], tuple[bytes, int] | None] = partial(
            content.as_copy_text, constants=constants
        )
    else:
        convert = FastPath(content.dialect, layout.width, constants).from_csv
    for block in content.blocks():
        converted = convert(block) if content.is_plain(block) else None
        if converted is None:
            records = content.parse(block)
            converted = from_records(records, constants), len(records)
        text, count = converted
        counts.parsed += count
        counts.written += count
        if text:  # COPY takes an empty piece for the end
            yield text


def _by_batch(batches: Iterator[list[Record]], constants: str, counts: Counts) -> Iterator[bytes]:
    for batch in batches:
        counts.written += len(batch)
        yield from_records(batch, constants)


def _batches(rows: Iterator[Record]) -> Iterator[list[Record]]:
    """Yield the rows in batches of a limited size in memory, however large each row is."""
    batch: list[Record] = []
    length = 0
    for row in rows:
        batch.append(row)
        length += sum([len(value) for value in row.values if value])
        if len(batch) >= BATCH or length >= BATCH_CHARACTERS:
            yield batch
            batch, length = [], 0
    if batch:
        yield batch


def _counted_batches(content: Content, layout: Layout, counts: Counts) -> Iterator[list[Record]]:
    """Yield the records of a file as rows of the raw table, in batches."""
    if isinstance(content, Discovered):
        batches = content.batches(layout)
    else:
        batches = _batches(content.records() if layout.is_plain else map(layout.row, content.records()))
    for batch in batches:
        counts.parsed += len(batch)
        yield batch


def _counted(records: Iterator[Record], counts: Counts) -> Iterator[Record]:
    for record in records:
        counts.parsed += 1
        yield record


def _of_width(records: Iterator[Record], header: Sequence[str], file: str) -> Iterator[Record]:
    """Yield the transformed records; raise if one has another number of values than the header."""
    for record in records:
        if len(record.values) != len(header):
            raise FormatBroken(
                file,
                record.line,
                f"{len(record.values)} values after wrangling, expected {len(header)} as in its header",
            )
        yield record


def _copy(connection: Connection, table: str, columns: Sequence[str], pieces: Iterator[bytes]) -> int:
    """Run COPY into a raw table; return the number of rows that Postgres counted."""
    statement = sql.SQL("copy {} ({}) from stdin ({})").format(
        sql.Identifier(SCHEMA, table), sql.SQL(", ").join(map(sql.Identifier, columns)), sql.SQL(OPTIONS)
    )
    driver = cast("psycopg2.extensions.connection", connection.connection.dbapi_connection)
    with read_ahead(pieces) as ahead, driver.cursor() as cursor:
        source = _Pieces(ahead)
        try:
            cursor.copy_expert(statement, source)
        except BaseException:
            if source.error is not None:
                raise source.error from None  # psycopg2 only tells that it broke off, and how Postgres took it
            raise
        return int(cursor.rowcount)


class _Pieces:
    """The stream that psycopg2 reads. It accepts a piece of any size as the result of `read`."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.error: BaseException | None = None  # SystemExit too: what a transform does may end a process

    def read(self, _size: int = -1, /) -> bytes:
        try:
            return next(self._pieces, b"")
        except BaseException as error:
            self.error = error
            raise

    readline = read  # psycopg2 wants to see one, and reads blocks only


def lacking_columns(loaded: Sequence[tuple[Delivery, Counts]]) -> list[str]:
    """Return a sentence for each set of missing columns of deliveries that were accepted without them."""
    lacking: dict[tuple[str, ...], list[str]] = {}
    for delivery, counts in loaded:
        if counts.lacking:
            lacking.setdefault(counts.lacking, []).append(delivery.publisher_name)
    return [
        f"{names[0] if len(names) == 1 else f'{len(names)} deliveries, {names[0]} to {names[-1]}'}: loaded without"
        f" {', '.join(map(repr, columns))}, null there: a verdict that was given stands"
        for columns, names in lacking.items()
    ]
