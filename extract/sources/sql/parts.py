"""The rows of a question, packed as they come: one member of a gzip file, and what is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from tempfile import TemporaryFile
from typing import IO

from isal import isal_zlib
from sqlalchemy.engine import Engine

from headwater.extract.files.digest import Digest
from headwater.extract.sources.sql.queries import Question
from headwater.extract.sources.sql.reader import PostgresReader, Reader, reading, said_plainly

LEVEL = 2  # of ISA-L: a seventh of the time of zlib's 3, and smaller
GZIP = 31  # zlib's word for a header of gzip, which it writes without a date: equal rows, equal bytes


@dataclass(frozen=True)
class Part:
    """Rows in a temporary file."""

    file: IO[bytes]
    digest: Digest
    count: int


class Tally:
    """Count and digest of rows, of text that comes cut anywhere. A row is a line."""

    def __init__(self) -> None:
        self.digest, self.count, self._rest = Digest(), 0, b""

    def take(self, text: bytes) -> None:
        """Take the next text."""
        lines = (self._rest + text).split(b"\n")
        self._rest = lines.pop()
        self.digest.add_all(lines)
        self.count += len(lines)


class Packer:
    """Packs text that comes cut anywhere."""

    def __init__(self) -> None:
        self._file: IO[bytes] = TemporaryFile()  # noqa: SIM115
        self._tally = Tally()
        self._packing = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, GZIP)

    def write(self, text: bytes) -> None:
        """Take the next text."""
        self._tally.take(text)
        self._file.write(self._packing.compress(text))

    def end(self) -> Part:
        """All of it."""
        self._file.write(self._packing.flush())
        return Part(self._file, self._tally.digest, self._tally.count)


def read_header(reader: Reader, question: Question) -> Part:
    """The line with the names of the columns, as a part of its own."""
    packer = Packer()
    packer.write(reader.header(question.statement(reader.dialect)))
    return replace(packer.end(), count=0)


def read_part(reader: Reader, question: Question) -> Part:
    """The rows of a question."""
    packer = Packer()
    reader.write_rows(question.statement(reader.dialect), packer.write)
    return packer.end()


def read_chunk(engine: Engine, question: Question, snapshot: str) -> Part:
    """The rows of a question as another transaction sees them, which exported its snapshot and has not ended."""
    with said_plainly(question.source.name, engine), reading(engine, snapshot) as reader:
        return read_part(reader, question)


def read_chunks(engine: Engine, reader: PostgresReader, questions: Sequence[Question]) -> list[Part]:
    """The rows of several questions, asked side by side, as the reader sees them."""
    snapshot = reader.snapshot()
    with ThreadPoolExecutor(len(questions), "chunk") as pool:
        asked = [pool.submit(read_chunk, engine, question, snapshot) for question in questions]
        return [answer.result() for answer in asked]


def digest_of(reader: Reader, question: Question) -> Digest:
    """Return what the rows of a question and its header are, without keeping them."""
    statement, tally = question.statement(reader.dialect), Tally()
    tally.take(reader.header(statement))
    reader.write_rows(statement, tally.take)
    return tally.digest
