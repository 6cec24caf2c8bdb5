"""One reading of all pages into a ZIP, and whether the publisher's data held still meanwhile.

Pages that are counted move when a record before them comes or goes: then one is read twice, or never. A reading shows
that it moved by a total that changes, by a number of records that is not the total, and by a key that comes on two
pages. All is then read again. Two readings that agree are taken as they are, unless the total contradicts both.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import IO

from headwater.extract.files.digest import Digest
from headwater.extract.formats.json_values import JsonValue, NotJsonError
from headwater.extract.formats.mapped_paths import Paths
from headwater.extract.offers.offer import LimitedSink
from headwater.extract.sources.api.elements import Element
from headwater.extract.sources.api.pages import Page
from headwater.extract.sources.api.values import text_at
from headwater.extract.sources.api.watermark import Scale, Value, is_less, later
from headwater.metadata.errors import PublisherError
from headwater.metadata.static.model import Source

READINGS = 4
IN_MEMORY = 8 << 20  # bytes of pages; more go to a temporary file
LONGEST_DRIFT = timedelta(days=1)  # between the server's clock and ours; beyond it ours is believed
BEGINNING_OF_ZIP = (1980, 1, 1, 0, 0, 0)  # the same for all, so that equal pages make an equal file


@dataclass
class Reading:
    """All pages of one time. `tail` is the digest of what the next window will read again, where there is a scale."""

    spool: IO[bytes]
    read_at: datetime  # by the server's clock, when it began
    page_count: int = 0
    element_count: int = 0  # which a total counts
    record_count: int = 0
    digest: str = ""
    greatest: Value | None = None
    tail: str | None = None
    moved: list[str] = field(default_factory=list)  # signs that the data did not hold still
    contradicted: str | None = None  # by a total


def read_until_still(source: Source, pages: Iterable[Page], scale: Scale | None) -> Reading:
    """Read until nothing moved, or two readings agree. Raises `PublisherError` when that does not come about."""
    must_agree = source.options.get("read_until_same") == "true"
    before: Reading | None = None
    for _ in range(READINGS):
        reading = _read(source, pages, scale)
        agrees = before is not None and before.digest == reading.digest
        if agrees and reading.contradicted and before is not None and before.contradicted:
            raise PublisherError(
                f"{source.name}: {reading.contradicted}, in two readings that agree: expected all of them"
            )
        if agrees or not (must_agree or reading.moved or reading.contradicted):
            return reading
        if before is not None:
            before.spool.close()
        before = reading
    signs = reading.moved + ([reading.contradicted] if reading.contradicted else [])
    raise PublisherError(
        f"{source.name}: its data moved while it was read, {READINGS} times:"
        f" {'; '.join(signs) or 'no reading was like the one before'}. Expected pages that hold still: run again at a"
        " quieter time, ask for them in the order of a key that does not change, or by cursor"
    )


def _read(source: Source, pages: Iterable[Page], scale: Scale | None) -> Reading:
    now = datetime.now(UTC).replace(microsecond=0)
    spool = _Spool()
    reading, signs = Reading(spool.file, now), _Signs(source)
    digest, tail = Digest(), _Tail(scale) if scale else None
    with zipfile.ZipFile(_Stream(LimitedSink(spool, source)), "w") as archive:
        for page in pages:
            if page.number == 1 and page.dated and abs(page.dated - now) < LONGEST_DRIFT:
                reading.read_at = page.dated
            archive.writestr(zipfile.ZipInfo(f"page-{page.number:06d}.json", BEGINNING_OF_ZIP), page.body)
            signs.see(page)
            for element in page.elements:
                reading.element_count += 1
                reading.record_count += len(element.records)
                if element.records:
                    digest.add(element.digest)
                if tail is not None:
                    tail.see(element, reading.read_at)
            reading.page_count = page.number
    reading.digest = str(digest)
    reading.moved, reading.contradicted = signs.moved, signs.contradicted(reading.element_count)
    if tail is not None:
        reading.greatest, reading.tail = tail.greatest, tail.digest()
        if reading.record_count and tail.greatest is None:
            raise PublisherError(
                f"{source.name}: no record has a value at {tail.path} (watermark_path), expected when it changed"
            )
    return reading


class _Signs:
    """The sign that the data did not hold still."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._paths, self._keys = Paths.of(source), [key.source_name for key in source.keys]
        # a log of changes may name a key often
        self._is_unique = source.on_duplicate_key == "halt" and source.wrangle_function is None
        self._seen: dict[int, int] = {}  # hash of a key → its page
        self._total: int | None = None
        self.moved: list[str] = []

    def see(self, page: Page) -> None:
        if self._total is not None and page.total is not None and page.total != self._total:
            self.moved.append(f"the total changed from {self._total} to {page.total} at page {page.number}")
        self._total = page.total if page.total is not None else self._total
        if not self._is_unique:
            return
        for record in (record for element in page.elements for record in element.records):
            key = self._key(record)
            if key is not None and self._seen.setdefault(hash(key), page.number) != page.number:
                self.moved.append(
                    f"the key {', '.join(key)} came on page {self._seen[hash(key)]} and on {page.number}"
                )
                self._is_unique = False  # one is enough

    def contradicted(self, came: int) -> str | None:
        if self._total is None or self._total == came:
            return None
        return f"{came} records came, and the total says {self._total}"

    def _key(self, record: JsonValue) -> tuple[str, ...] | None:
        if not isinstance(record, dict):
            return None
        try:
            columns = self._paths.columns(record)
        except NotJsonError:
            return None  # it is for raw to say what is wrong with it
        values = tuple(columns.get(name) or "" for name in self._keys)
        return values if any(values) else None


class _Tail:
    """The greatest watermark, and the elements that the window after it will read again."""

    def __init__(self, scale: Scale) -> None:
        self._scale, self.path = scale, scale.path
        self.greatest: Value | None = None
        self._near: list[tuple[Value, bytes]] = []
        self._pruned = 1000

    def see(self, element: Element, now: datetime) -> None:
        texts = {text for record in element.records if (text := text_at(record, self.path)) is not None}
        if not texts:
            return
        value = reduce(later, map(self._scale.read, texts))
        self._near.append((value, element.digest))
        # what claims to come from the future must not make us miss what comes until then
        reached = min(value, now) if isinstance(value, datetime) else value
        if self.greatest is None or is_less(self.greatest, reached):
            self.greatest = reached
        if len(self._near) > 2 * self._pruned:
            self._prune()

    def digest(self) -> str | None:
        """The digest of those elements; None where there are none."""
        if self.greatest is None:
            return None
        self._prune()
        made = Digest()
        for _, found in self._near:
            made.add(found)
        return str(made)

    def _prune(self) -> None:
        if self.greatest is not None:
            begin = self._scale.back(self.greatest)
            self._near = [near for near in self._near if not is_less(near[0], begin)]
            self._pruned = max(1000, len(self._near))


class _Spool:
    """A sink in memory, or in a temporary file that has no name."""

    def __init__(self) -> None:
        self.file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115

    def write(self, chunk: bytes) -> None:
        self.file.write(chunk)

    def restart(self) -> None:
        self.file.seek(0)
        self.file.truncate()


class _Stream:
    """A sink as zipfile wants it: written from beginning to end."""

    def __init__(self, sink: LimitedSink) -> None:
        self._sink = sink

    def write(self, chunk: bytes) -> int:
        self._sink.write(bytes(chunk))
        return len(chunk)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """The spool stays open: it is read next."""
