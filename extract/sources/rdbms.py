"""The data source type `rdbms`: a table of a database, or a query, is read in one transaction that changes nothing.

A delivery is called `<table>.copy.gz`, is a gzip file of the format `copy_text`, and is dated by the server's clock
when its transaction began, but never before one that landed. A delta of a table with an incr_column holds what changed
since the greatest watermark that landed, less the lag_window; every other delivery holds all. Rows that are all known
from the delivery before make none.

A `large` table of Postgres is read in ranges of its key, side by side; all of them see one snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from headwater.extract.files.digest import Digest
from headwater.extract.offers.offer import Offer, fetch_spooled
from headwater.extract.sources.api.watermark import Scale
from headwater.extract.sources.sql.connect import engine_of, shown_place
from headwater.extract.sources.sql.key_ranges import key_ranges
from headwater.extract.sources.sql.parts import Part, digest_of, read_chunks, read_header, read_part
from headwater.extract.sources.sql.queries import Question, greatest, publisher_name
from headwater.extract.sources.sql.reader import PostgresReader, Reader, reading, said_plainly
from headwater.extract.sources.sql.window import back, later_of, not_ahead, reached_by, scale_of
from headwater.metadata.errors import PublisherError
from headwater.metadata.process.deliveries import Delivery, newest_named
from headwater.metadata.static.model import Source


@dataclass(frozen=True)
class _Window:
    """The window of one extraction: from where, up to where, and what the next one will read again."""

    question: Question
    watermark: str | None = None
    tail: str | None = None


def discover(source: Source, landed: Sequence[Delivery] = ()) -> Iterator[Offer]:
    """Yield what the database has now and did not have when it was read last: one offer, or none.

    Raises `PublisherError` when it cannot be reached or read; `SecretUnavailable`.
    """
    if source.tbl is None and source.sql_script is None:
        raise PublisherError(f"{source.name}: nothing to read, expected the option tbl or sql_script")
    name, scale = f"{publisher_name(source)}.copy.gz", scale_of(source)
    before = reached_by(scale, landed) if scale else None
    engine = engine_of(source)
    try:
        with said_plainly(source.name, engine), reading(engine) as reader:
            now = reader.now()
            window = _window(source, reader, scale, before, now)
            parts = [read_header(reader, window.question)]
            if isinstance(reader, PostgresReader) and _is_large(source):
                ranges = key_ranges(reader, source)
                questions = [replace(window.question, keys=keys) for keys in ranges]
                parts += read_chunks(engine, reader, questions)
            else:
                parts.append(read_part(reader, window.question))
    except OSError as error:
        raise PublisherError(
            f"{source.name}: its rows cannot be laid by ({error.strerror}), expected room for temporary files (TMPDIR)"
        ) from None
    digest, count = _together(parts)
    last, told_by = (before[1], "tail_xxh3") if before else (newest_named(landed, name), "records_xxh3")
    known = last.fingerprint.get(told_by) if last else None
    if digest == known or (scale is not None and not count):
        return
    fingerprint = {"records": count, "records_xxh3": digest}
    since, reached = window.question.since, window.watermark
    yield Offer(
        publisher_name=name,
        address=f"{shown_place(engine.url)}#{publisher_name(source)}",
        delivery_date=_after(landed, now),
        fingerprint=fingerprint if window.tail is None else {**fingerprint, "tail_xxh3": window.tail},
        fetch=partial(fetch_spooled, [part.file for part in parts]),
        watermark_from=_fact(scale, since),
        watermark_to=_fact(scale, reached),
    )


def _window(
    source: Source, reader: Reader, scale: Scale | None, before: tuple[str, Delivery] | None, now: datetime
) -> _Window:
    if scale is None:
        return _Window(Question(source))
    reached = not_ahead(scale, before[0], now) if before else None
    since = back(scale, reached) if reached else source.options.get("first_watermark")
    question = Question(source, since)
    newest = reader.value(greatest(question, reader.dialect))
    watermark = later_of(scale, reached, None if newest is None else not_ahead(scale, newest, now))
    question = replace(question, until=watermark)
    if watermark is None:
        return _Window(question)
    tail = digest_of(reader, replace(question, since=back(scale, watermark)))
    return _Window(question, watermark, str(tail))


def _is_large(source: Source) -> bool:
    return source.sql_script is None and source.tbl is not None and source.tbl.data_size == "large"


def _together(parts: Sequence[Part]) -> tuple[str, int]:
    digest = Digest()
    for part in parts:
        digest.merge(part.digest)
    return str(digest), sum(part.count for part in parts)


def _after(landed: Sequence[Delivery], now: datetime) -> datetime:
    """The moment, or the first one after all that landed, should the server's clock have gone back meanwhile."""
    return max([now, *(one.delivery_date + timedelta(microseconds=1) for one in landed)])


def _fact(scale: Scale | None, watermark: str | None) -> dict[str, str] | None:
    return None if scale is None or watermark is None else {scale.path: watermark}
