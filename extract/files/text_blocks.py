"""A stream of bytes as blocks of text: UTF-8, whole lines, strictly decoded, in constant memory."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from headwater.metadata.errors import FormatBroken

BLOCK = 256 << 10  # bytes
LONGEST_RECORD = 16 << 20  # bytes
BOM = "\ufeff"


class Readable(Protocol):
    """A stream; an empty result is its end."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes."""


class Block(NamedTuple):
    """Text in UTF-8, the physical line (from 1) on which it begins, and the number of line ends in it."""

    line: int
    text: bytes
    line_ends: int


class _NoTextError(Exception):
    """The bytes are no text; `before` is the text between the last block and the error."""

    def __init__(self, reason: str, before: bytes = b"") -> None:
        self.before = before
        super().__init__(reason)


def read_blocks(stream: Readable, file: str, encoding: str) -> Iterator[Block]:
    r"""Yield the text of `stream`, cut after line ends (\n, \r\n, \r); the last line may lack its own.

    Omits a byte order mark. Raises `FormatBroken`, with line and byte, for a byte that is no text in
    `encoding`, for a NUL, and for a line longer than `LONGEST_RECORD`.
    """
    if encoding in ("utf-8", "ascii"):
        texts = _validate(_cut(_pieces(stream)), encoding)
    else:
        texts = _cut(_transcode(_pieces(stream), encoding))
    line, is_first = 1, True
    try:
        for whole in texts:
            text = whole.removeprefix(BOM.encode()) if is_first else whole
            is_first = False
            nul = text.find(b"\0")
            if nul >= 0:
                raise _NoTextError("a NUL byte, expected text", text[:nul])
            line_ends = count_lines(text)
            yield Block(line, text, line_ends)
            line += line_ends
    except _NoTextError as error:
        raise FormatBroken(file, line + count_lines(error.before), str(error)) from None


def read_text(stream: Readable, file: str, encoding: str) -> Iterator[str]:
    """Yield the text of `stream` in pieces, for formats without lines. Raises `FormatBroken`."""
    line, is_first = 1, True
    try:
        for piece in _decode(_pieces(stream), encoding):
            text = piece.removeprefix(BOM) if is_first else piece
            is_first = False
            yield text
            line += text.count("\n")
    except _NoTextError as error:
        raise FormatBroken(file, line + error.before.count(b"\n"), str(error)) from None


def count_lines(text: bytes) -> int:
    r"""The number of line ends: \n, \r\n and \r count as one each."""
    lines = text.count(b"\n")
    return lines + text.count(b"\r") - text.count(b"\r\n") if b"\r" in text else lines


def _pieces(stream: Readable) -> Iterator[bytes]:
    while piece := stream.read(BLOCK):
        yield piece


def _cut(pieces: Iterator[bytes]) -> Iterator[bytes]:
    buffer = b""
    try:
        for piece in pieces:
            end = piece.rfind(b"\n") + 1
            if end:
                block, buffer = buffer + piece[:end], piece[end:]
                yield block
                continue
            buffer += piece
            end = buffer.rfind(b"\r", 0, -1) + 1  # one at the very end may be the half of a \r\n
            if end:
                block, buffer = buffer[:end], buffer[end:]
                yield block
            elif len(buffer) > LONGEST_RECORD:
                raise _NoTextError(f"a line of more than {LONGEST_RECORD >> 20} MiB, expected a line end")
    except _NoTextError as error:
        raise _NoTextError(str(error), buffer + error.before) from None
    if buffer:
        yield buffer


def _validate(texts: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Return the bytes if they are text in `encoding`."""
    offset = 0
    for text in texts:
        if not text.isascii():
            try:
                text.decode(encoding)
            except UnicodeDecodeError as error:
                raise _undecodable(error, encoding, offset, text[: error.start]) from None
        yield text
        offset += len(text)


def _transcode(pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """The text in UTF-8, in pieces that split no character."""
    return (text.encode() for text in _decode(pieces, encoding))


def _decode(pieces: Iterator[bytes], encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    offset = 0
    for piece in _and_end(pieces):
        begun = len(decoder.getstate()[0])  # bytes of a character that began in the piece before
        try:
            text = decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode(encoding, "ignore").encode()
            raise _undecodable(error, encoding, offset - begun, before) from None
        if text:
            yield text
        offset += len(piece)


def _and_end(pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield from pieces
    yield b""


def _undecodable(error: UnicodeDecodeError, encoding: str, offset: int, before: bytes) -> _NoTextError:
    bad = error.object[error.start : error.end]
    is_marked = offset + error.start == 0 and error.object[:2] in (codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE)
    return _NoTextError(
        f"byte 0x{bad[:4].hex()} at offset {offset + error.start} is not {encoding}, "
        f"{'but begins a text in utf-16, ' if is_marked else ''}"
        "expected text in that encoding (source_attribute encoding)",
        before,
    )
