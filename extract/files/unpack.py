"""Removal of gzip, bzip2 and xz compression in a stream, recognized by the first bytes and protected against bombs."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from typing import IO, Protocol, cast

from headwater.extract.files.content import BEGINNING, begin
from headwater.extract.files.limits import Expansion
from headwater.extract.files.text_blocks import Readable
from headwater.metadata.errors import FormatBroken

PIECE = 64 << 10  # bytes, packed
MOST_MEMORY = 128 << 20  # bytes of memory for xz; its strongest setting takes 65 MiB
DAMAGED = (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError)


class Decompressor(Protocol):
    """A decompressor, of bz2 or lzma."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = ...) -> bytes: ...


def unpack(stream: Readable, file: str, expansion: Expansion) -> Readable:
    """Return the content of a compressed file, or the same stream if it is none.

    The first bytes decide, not the name: a server that declares the compression as Content-Encoding has had
    it removed on the way, and the unpacked content lands under the name of the compressed file. The format
    refuses other content. Reading damaged, truncated or bomb data raises `FormatBroken`.
    """
    beginning, whole = begin(stream, BEGINNING)
    for magic, name, opened in PACKINGS:
        if beginning.startswith(magic):
            return _Unpacked(opened(whole), f"the {name} file", file, expansion)
    return whole


class _Unpacked:
    """The unpacked stream. Every read after the first error raises that error again."""

    def __init__(self, inner: Readable, what: str, file: str, expansion: Expansion) -> None:
        self._inner, self._what, self._file, self._expansion = inner, what, file, expansion
        self._error: FormatBroken | None = None

    def read(self, size: int, /) -> bytes:
        if self._error is None:
            try:
                piece = self._inner.read(size)
                self._expansion.unpack("packed files", len(piece), self._file)
                return piece
            except FormatBroken as error:
                self._error = error
            except DAMAGED as error:
                self._error = FormatBroken(
                    self._file, None, f"{self._what} is damaged or cut off ({error}), expected it whole"
                )
        raise self._error


class Streams:
    """bzip2 or xz, one stream after the other."""

    def __init__(self, packed: Readable, new: Callable[[], Decompressor]) -> None:
        self._packed, self._new = packed, new
        self._current = new()

    def read(self, size: int, /) -> bytes:
        while True:
            piece = b""
            if self._current.eof:
                piece = self._current.unused_data or self._packed.read(PIECE)
                if not piece:
                    return b""
                self._current = self._new()
            elif self._current.needs_input and not (piece := self._packed.read(PIECE)):
                raise EOFError("it ends before its end mark")
            if unpacked := self._current.decompress(piece, size):
                return unpacked


def _gzip(packed: Readable) -> Readable:
    return cast(Readable, gzip.GzipFile(fileobj=cast("IO[bytes]", packed), mode="rb"))


def new_bzip2() -> Decompressor:
    """Return a decompressor for bzip2."""
    return bz2.BZ2Decompressor()


def new_xz() -> Decompressor:
    """Return a decompressor for xz with a memory limit."""
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, MOST_MEMORY)


def _bzip2(packed: Readable) -> Readable:
    return Streams(packed, new_bzip2)


def _xz(packed: Readable) -> Readable:
    return Streams(packed, new_xz)


PACKINGS: tuple[tuple[bytes, str, Callable[[Readable], Readable]], ...] = (
    (b"\x1f\x8b", "gzip", _gzip),
    (b"BZh", "bzip2", _bzip2),
    (b"\xfd7zXZ\x00", "xz", _xz),
)
