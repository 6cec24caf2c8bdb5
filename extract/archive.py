"""ZIP archives: the one member that a source wants, as a stream, on guard against bombs."""

from __future__ import annotations

import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO

from extract.content import BEGINNING, ZIP, recognize
from extract.text_blocks import Readable
from metadata.errors import FormatBroken

LARGEST_MEMBER = 64 << 30  # bytes, unpacked
LARGEST_RATIO = 500  # unpacked to packed; DEFLATE itself goes to 1032, text rarely beyond 30
BROKEN = (
    zipfile.BadZipFile,
    NotImplementedError,
    ValueError,
    IndexError,
    struct.error,
    EOFError,
)  # of zipfile
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError)  # of its streams
SMALL = 64 << 20  # bytes; below it no ratio is a bomb


def is_archive(publisher_name: str, member_pattern: str | None) -> bool:
    """Whether a delivery is a ZIP: the source says so by zip_member, or its name does."""
    return member_pattern is not None or publisher_name.lower().endswith(".zip")


@contextmanager
def open_member(spool: IO[bytes], file: str, member_pattern: str | None) -> Iterator[tuple[Readable, str]]:
    """The stream of the only member that matches (of the only one, without a pattern), and its full name.

    `spool` is the archive as a file that can be read from anywhere. Nothing is unpacked to disk.
    Raises `FormatBroken` when it is no ZIP, encrypted, a bomb, or has no or several such members.
    """
    with ExitStack() as opened:
        try:
            archive = opened.enter_context(zipfile.ZipFile(spool))
            member = _choose(archive, file, member_pattern)
            name = f"{file}/{member.filename}"
            _refuse_bomb(member, name)
            unpacked = opened.enter_context(archive.open(member))
        except BROKEN as error:
            raise FormatBroken(file, None, _reason(spool, error)) from None
        yield _Member(unpacked, name), name


def _reason(spool: IO[bytes], error: Exception) -> str:
    """Why what should be a ZIP cannot be read."""
    spool.seek(0)
    beginning = spool.read(BEGINNING)
    if beginning.startswith(ZIP) and not isinstance(error, NotImplementedError):
        return f"a ZIP that is cut off or damaged ({error}), expected it whole"
    found = recognize(beginning)
    if found is None or isinstance(error, NotImplementedError):
        return f"not a ZIP that can be read ({error}), expected one"
    return f"got {found}, expected a ZIP: once the publisher has mended it, the next run takes it"


def _choose(archive: zipfile.ZipFile, file: str, member_pattern: str | None) -> zipfile.ZipInfo:
    members = [member for member in archive.infolist() if not member.is_dir()]
    fitting = [m for m in members if member_pattern is None or re.search(member_pattern, m.filename)]
    if len(fitting) != 1:
        names = ", ".join(member.filename for member in members[:10]) or "nothing"
        wanted = (
            f"exactly one that matches {member_pattern} (zip_member)"
            if member_pattern
            else "exactly one file"
        )
        raise FormatBroken(file, None, f"the ZIP holds {names}, expected {wanted}")
    if fitting[0].flag_bits & 0x1:
        raise FormatBroken(file, None, f"{fitting[0].filename} in the ZIP is encrypted, expected it open")
    return fitting[0]


def _refuse_bomb(member: zipfile.ZipInfo, name: str) -> None:
    size, packed = member.file_size, max(member.compress_size, 1)
    if size > LARGEST_MEMBER or (size > SMALL and size / packed > LARGEST_RATIO):
        raise FormatBroken(
            name,
            None,
            f"unpacks from {packed} to {size} bytes, "
            f"expected at most {LARGEST_MEMBER >> 30} GiB and {LARGEST_RATIO} times its packed size",
        )


class _Member:
    """A member as it is read: zipfile stops at the size that the archive announces, and checks the CRC."""

    def __init__(self, unpacked: Readable, name: str) -> None:
        self._unpacked, self._name = unpacked, name

    def read(self, size: int, /) -> bytes:
        try:
            return self._unpacked.read(size)
        except DAMAGED as error:
            raise FormatBroken(self._name, None, f"damaged in the ZIP ({error}), expected it whole") from None
