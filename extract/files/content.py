"""Recognition of a file by its first bytes: an error page or an archive may come in place of records."""

from __future__ import annotations

import re
from html import unescape

from headwater.extract.files.text_blocks import Readable
from headwater.metadata.errors import FormatBroken

BEGINNING = 4096  # bytes
LONGEST_TITLE = 80  # characters
ZIP = b"PK\x03\x04"
OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
BINARY = {  # a text never begins with these
    ZIP: "a ZIP (Excel's .xlsx is one too)",
    b"\x1f\x8b": "a gzip file",
    b"%PDF-": "a PDF",
    OLD_OFFICE: "an old Office file",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"BZh91AY&SY": "a bzip2 file",
    b"\xfd7zXZ\x00": "an xz file",
    b"PAR1": "a Parquet file",
}
BEFORE = re.compile(rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*", re.DOTALL)
HTML = re.compile(rb"<(!doctype\s+html|html|head|body|title|script|meta)\b", re.IGNORECASE)


def recognize(beginning: bytes) -> str | None:
    """Return the kind of a file with these first bytes, for a message; None if it may be a text of records."""
    for magic, name in BINARY.items():
        if beginning.startswith(magic):
            return name
    if beginning[257:262] == b"ustar":
        return "a tar archive"
    before = BEFORE.match(beginning)
    rest = beginning[before.end() :] if before else beginning
    if HTML.match(rest):
        return f"an HTML page ({_title(rest)!r})"
    return "an XML document" if before and before[2] else None


def begin(stream: Readable, size: int) -> tuple[bytes, Readable]:
    """Return the first bytes of a stream, and a stream that starts with them again."""
    beginning = b""
    while len(beginning) < size and (piece := stream.read(size - len(beginning))):
        beginning += piece
    return beginning, _Begun(beginning, stream)


def require_records(stream: Readable, file: str, expected: str, *, ok: str | None = None) -> Readable:
    """Return the same stream. Raises `FormatBroken` if it does not begin like records, unless that is `ok`."""
    beginning, whole = begin(stream, BEGINNING)
    found = recognize(beginning)
    if found is not None and found != ok:
        raise FormatBroken(
            file,
            None,
            f"got {found}, expected {expected}: once the publisher has mended it, the next run takes it",
        )
    return whole


class _Begun:
    """A stream whose beginning was already read."""

    def __init__(self, beginning: bytes, stream: Readable) -> None:
        self._beginning, self._stream = beginning, stream

    def read(self, size: int, /) -> bytes:
        if self._beginning:
            piece, self._beginning = self._beginning[:size], self._beginning[size:]
            return piece
        return self._stream.read(size)


def _title(page: bytes) -> str:
    """Return the title of a page, or its first words."""
    text = page.decode("utf-8", "replace")
    title = re.search(r"<title[^>]*>(.*?)</title", text, re.DOTALL | re.IGNORECASE)
    words = re.sub(r"<(script|style)\b.*?(</\1[^>]*>|$)", " ", text, flags=re.DOTALL | re.IGNORECASE)
    words_shown = title[1] if title and title[1].strip() else re.sub(r"<[^>]*(>|$)", " ", words)
    return " ".join(unescape(words_shown).split())[:LONGEST_TITLE].strip()
