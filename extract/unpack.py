"""gzip, bzip2 and xz around a file: taken off as it streams by, told by the first bytes, on guard against bombs."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from typing import IO, Protocol, cast

from extract.content import BEGINNING, begin, recognize
from extract.limits import Limits
from extract.text_blocks import Readable
from metadata.errors import FormatBroken

PIECE = 64 << 10  # bytes, packed
MOST_MEMORY = 128 << 20  # bytes that xz may ask for; its strongest setting takes 65 MiB
DAMAGED = (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError)


class _Decompressor(Protocol):
    """What bz2 and lzma have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = ...) -> bytes: ...


def unpack(stream: Readable, file: str, limits: Limits) -> Readable:
    """The content of a packed file, or the same stream where it is none.

    Raises `FormatBroken` when its name says that it is packed and its first bytes do not; reading what is damaged,
    cut off or a bomb raises it too.
    """
    beginning, whole = begin(stream, BEGINNING)
    counted = _Counted(whole)
    for magic, ending, name, opened in PACKINGS:
        if beginning.startswith(magic):
            return _Unpacked(opened(counted), counted, f"the {name} file", file, limits)
        if file.lower().endswith(ending):
            got = recognize(beginning) or ("nothing" if not beginning else "something else")
            raise FormatBroken(
                file,
                None,
                f"got {got}, expected a {name} file: once the publisher has mended it, the next run takes it",
            )
    return whole


class _Counted:
    """A stream whose bytes are counted."""

    def __init__(self, stream: Readable) -> None:
        self._stream, self.count = stream, 0

    def read(self, size: int = PIECE, /) -> bytes:
        piece = self._stream.read(size)
        self.count += len(piece)
        return piece


class _Unpacked:
    """What comes out. The first error is the one that every later reading meets."""

    def __init__(self, inner: Readable, packed: _Counted, what: str, file: str, limits: Limits) -> None:
        self._inner, self._packed, self._what, self._file, self._limits = inner, packed, what, file, limits
        self._count = 0
        self._error: FormatBroken | None = None

    def read(self, size: int, /) -> bytes:
        if self._error is None:
            try:
                piece = self._inner.read(size)
                self._count += len(piece)
                self._limits.require(self._file, self._packed.count, self._count)
                return piece
            except FormatBroken as error:
                self._error = error
            except DAMAGED as error:
                self._error = FormatBroken(
                    self._file, None, f"{self._what} is damaged or cut off ({error}), expected it whole"
                )
        raise self._error


class _Streams:
    """bzip2 or xz, one stream after the other."""

    def __init__(self, packed: _Counted, new: Callable[[], _Decompressor]) -> None:
        self._packed, self._new = packed, new
        self._current = new()

    def read(self, size: int, /) -> bytes:
        while True:
            piece = b""
            if self._current.eof:
                piece = self._current.unused_data or self._packed.read()
                if not piece:
                    return b""
                self._current = self._new()
            elif self._current.needs_input and not (piece := self._packed.read()):
                raise EOFError("it ends before its end mark")
            if unpacked := self._current.decompress(piece, size):
                return unpacked


def _gzip(packed: _Counted) -> Readable:
    return cast(Readable, gzip.GzipFile(fileobj=cast("IO[bytes]", packed), mode="rb"))


def _bzip2(packed: _Counted) -> Readable:
    return _Streams(packed, bz2.BZ2Decompressor)


def _xz(packed: _Counted) -> Readable:
    return _Streams(packed, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, MOST_MEMORY))


PACKINGS: tuple[tuple[bytes, str, str, Callable[[_Counted], Readable]], ...] = (
    (b"\x1f\x8b", ".gz", "gzip", _gzip),
    (b"BZh", ".bz2", "bzip2", _bzip2),
    (b"\xfd7zXZ\x00", ".xz", "xz", _xz),
)
