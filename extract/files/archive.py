"""ZIP archives: the members that a source wants, as streams, protected against ZIP bombs."""

from __future__ import annotations

import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO

from headwater.extract.files.content import BEGINNING, ZIP, recognize
from headwater.extract.files.limits import Expansion
from headwater.extract.files.members import Members
from headwater.extract.files.text_blocks import Readable
from headwater.metadata.errors import FormatBroken
from headwater.metadata.static.model import Source

BROKEN = (
    zipfile.BadZipFile,
    NotImplementedError,
    ValueError,
    IndexError,
    struct.error,
    EOFError,
)  # of zipfile
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError)  # of its streams
LEADS_OUT = re.compile(
    r"(^|[/\\])\.\.([/\\]|$)|^[/\\]|^[A-Za-z]:"
)  # names of a ZIP that would write elsewhere


def is_archive(source: Source, publisher_name: str, beginning: bytes) -> bool:
    """Return whether a delivery is a ZIP: by zip_member, by its name, or by its first bytes.

    An Excel workbook is a ZIP too; it counts as a workbook if the source expects one.
    """
    if "zip_member" in source.options or publisher_name.lower().endswith(".zip"):
        return True
    return beginning.startswith(ZIP) and source.options.get("format") != "excel"


@contextmanager
def open_members(
    spool: IO[bytes], file: str, member_pattern: str | None, expansion: Expansion, *, is_all: bool = False
) -> Iterator[Members]:
    """Open the only matching member (the only one, without a pattern), or all, in the order of their names.

    `spool` is the archive as a seekable file. Nothing is unpacked to disk. Raises `FormatBroken` if it is no
    ZIP, is encrypted or a bomb, contains names that lead out of it, or lacks such members.
    """
    with ExitStack() as opened:
        try:
            archive = opened.enter_context(zipfile.ZipFile(spool))
            chosen = _choose(archive, file, member_pattern, is_all)
            _refuse_bomb(chosen, file, expansion)
        except BROKEN as error:
            raise FormatBroken(file, None, _reason(spool, error)) from None
        names = [f"{file}/{member.filename}" for member in chosen]

        def files() -> Iterator[tuple[Readable, str]]:
            for member, name in zip(chosen, names, strict=True):
                with _opened(archive, member, spool, file) as unpacked:
                    yield _Member(unpacked, name), name

        yield Members(files(), names, expansion)


def _opened(archive: zipfile.ZipFile, member: zipfile.ZipInfo, spool: IO[bytes], file: str) -> IO[bytes]:
    try:
        return archive.open(member)
    except BROKEN as error:
        raise FormatBroken(file, None, _reason(spool, error)) from None


def _reason(spool: IO[bytes], error: Exception) -> str:
    """Return why a supposed ZIP is unreadable."""
    spool.seek(0)
    beginning = spool.read(BEGINNING)
    if beginning.startswith(ZIP) and not isinstance(error, NotImplementedError):
        return f"a ZIP that is cut off or damaged ({error}), expected it whole"
    found = recognize(beginning)
    if found is None or isinstance(error, NotImplementedError):
        return f"not a ZIP that can be read ({error}), expected one"
    return f"got {found}, expected a ZIP: once the publisher has mended it, the next run takes it"


def _choose(
    archive: zipfile.ZipFile, file: str, member_pattern: str | None, is_all: bool
) -> list[zipfile.ZipInfo]:
    members = [member for member in archive.infolist() if not member.is_dir()]
    if "[Content_Types].xml" in archive.namelist() and not member_pattern:
        raise FormatBroken(
            file, None, "got an Excel workbook, expected another format (format excel reads it)"
        )
    for member in members:
        if LEADS_OUT.search(member.filename):
            raise FormatBroken(
                file, None, f"the ZIP holds {member.filename!r}, expected names that do not lead out of it"
            )
    fitting = [m for m in members if member_pattern is None or re.search(member_pattern, m.filename)]
    if not fitting or (len(fitting) > 1 and not is_all):
        names = ", ".join(member.filename for member in members[:10]) or "nothing"
        number = "at least" if is_all else "exactly"
        wanted = (
            f"{number} one that matches {member_pattern} (zip_member)"
            if member_pattern
            else f"{number} one file, or one that zip_member chooses"
        )
        raise FormatBroken(file, None, f"the ZIP holds {names}, expected {wanted}")
    for member in fitting:
        if member.flag_bits & 0x1:
            raise FormatBroken(file, None, f"{member.filename} in the ZIP is encrypted, expected it open")
    return sorted(fitting, key=lambda member: member.filename)


def _refuse_bomb(members: Sequence[zipfile.ZipInfo], file: str, expansion: Expansion) -> None:
    """Raise for an announced size over the limits; zipfile reads no byte beyond it, but members may share bytes."""
    name = f"{file}/{members[0].filename}" if len(members) == 1 else file
    expansion.unpack("ZIP", sum(member.file_size for member in members), name)


class _Member:
    """A member as it is read: zipfile stops at the size that the archive announces, and checks the CRC."""

    def __init__(self, unpacked: Readable, name: str) -> None:
        self._unpacked, self._name = unpacked, name

    def read(self, size: int, /) -> bytes:
        try:
            return self._unpacked.read(size)
        except DAMAGED as error:
            raise FormatBroken(self._name, None, f"damaged in the ZIP ({error}), expected it whole") from None
