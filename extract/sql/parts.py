"""The rows of a question, packed as they come: one member of a gzip file, and what is known of it."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import IO

from sqlalchemy.engine import Engine

from extract.digest import Digest
from extract.sql.queries import Question
from extract.sql.reader import PostgresReader, Reader, reading, said_plainly

AT_ONCE = 512 << 10  # bytes of rows
LEVEL = 3  # of zlib: a third of the time of 6, for a tenth more space
GZIP = 31  # zlib's word for a header of gzip, which it writes without a date: equal rows, equal bytes


@dataclass
class Part:
    """Rows in a temporary file."""

    file: IO[bytes] = field(default_factory=TemporaryFile)
    digest: Digest = field(default_factory=Digest)
    count: int = 0


class Packer:
    """Takes lines, one at a time."""

    def __init__(self, part: Part) -> None:
        self._part, self._lines, self._size = part, list[bytes](), 0
        self._packing = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)

    def write(self, line: bytes) -> None:
        """Take the next line."""
        self._lines.append(line)
        self._size += len(line)
        if self._size >= AT_ONCE:
            self._flush()

    def end(self) -> Part:
        """All of them."""
        self._flush()
        self._part.file.write(self._packing.flush())
        return self._part

    def _flush(self) -> None:
        self._part.digest.add_all(self._lines)
        self._part.count += len(self._lines)
        self._part.file.write(self._packing.compress(b"".join(self._lines)))
        self._lines, self._size = [], 0


def read_header(reader: Reader, question: Question) -> Part:
    """The line with the names of the columns, as a part of its own."""
    packer = Packer(Part())
    packer.write(reader.header(question.statement(reader.dialect)))
    part = packer.end()
    part.count = 0
    return part


def read_part(reader: Reader, question: Question) -> Part:
    """The rows of a question."""
    packer = Packer(Part())
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
    """What the rows of a question and its header are, without keeping them."""
    statement, digest = question.statement(reader.dialect), Digest()
    digest.add_all([reader.header(statement)])
    reader.write_rows(statement, lambda line: digest.add_all([line]))
    return digest
