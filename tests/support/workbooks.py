"""One table as a workbook of each kind, written by as little as its format needs."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Sequence

import openpyxl

Table = Sequence[Sequence[str | None]]
SECTOR = 512
FREE, END, FAT = -1, -2, -3  # what an entry of the allocation table says beside the next sector
SMALLEST_STREAM = 4096  # bytes; a smaller one would have a table of its own


def csv(table: Table) -> bytes:
    return "".join(",".join(cell or "" for cell in row) + "\n" for row in table).encode()


def xlsx(table: Table) -> bytes:
    book = openpyxl.Workbook()
    for row in table:
        book.active.append(list(row))
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def ods(table: Table) -> bytes:
    rows = "".join(
        "<table:table-row>"
        + "".join(
            "<table:table-cell/>"
            if cell is None
            else f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>'
            for cell in row
        )
        + "</table:table-row>"
        for row in table
    )
    return ods_around(f'<table:table table:name="T">{rows}</table:table>')


def ods_around(tables: str, before: str = "", compression: int = zipfile.ZIP_STORED) -> bytes:
    """A workbook of OpenDocument around its tables."""
    names = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr(
            "content.xml",
            f"{before}<office:document-content {names}><office:body><office:spreadsheet>{tables}"
            "</office:spreadsheet></office:body></office:document-content>",
            compression,
        )
    return buffer.getvalue()


def xls(table: Table) -> bytes:
    """BIFF8 in a compound file; a cell that is None is not there."""
    cells = [
        (row, column, cell)
        for row, line in enumerate(table)
        for column, cell in enumerate(line)
        if cell is not None
    ]
    return xls_of_cells(cells)


def xls_of_cells(cells: Sequence[tuple[int, int, str]]) -> bytes:
    def record(kind: int, data: bytes = b"") -> bytes:
        return struct.pack("<HH", kind, len(data)) + data

    def begin(kind: int) -> bytes:
        return record(0x809, struct.pack("<HHHHII", 0x600, kind, 0xDBB, 0x7CC, 0, 6))

    def label(row: int, column: int, text: str) -> bytes:
        message = text.encode("utf-16-le")
        return record(0x204, struct.pack("<HHHHB", row, column, 0, len(message) // 2, 1) + message)

    name = b"T"
    length = len(begin(5)) + 4 + 8 + len(name) + 4  # of what is before the sheet
    head = begin(5) + record(0x85, struct.pack("<IBBBB", length, 0, 0, len(name), 0) + name) + record(0x0A)
    assert len(head) == length
    book = head + begin(0x10) + b"".join(label(*cell) for cell in cells) + record(0x0A)
    return _compound(book.ljust(max(SMALLEST_STREAM, -(-len(book) // SECTOR) * SECTOR), b"\0"))


def _compound(stream: bytes) -> bytes:
    """A compound file of one stream: a sector of the allocation table, one of the directory, then the stream."""
    count = len(stream) // SECTOR
    table = [FAT, END, *range(3, count + 2), END]
    head = struct.pack(
        "<8s16sHHHHH6sIIiIIiIiI109i",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"", 0x3E, 3, 0xFFFE, 9, 6, b"",
        0, 1, 1, 0, SMALLEST_STREAM, END, 0, END, 0, 0, *[FREE] * 108,
    )  # fmt: skip
    fat = struct.pack(f"<{SECTOR // 4}i", *table, *[FREE] * (SECTOR // 4 - len(table)))

    def entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
        message = name.encode("utf-16-le") + b"\0\0"
        return struct.pack(
            "<64sHBBiii16sIQQiQ", message, len(message), kind, 1, FREE, FREE, child, b"", 0, 0, 0, start, size
        )

    directory = entry("Root Entry", 5, 1, END, 0) + entry("Workbook", 2, FREE, 2, len(stream))
    return head + fat + directory.ljust(SECTOR, b"\0") + stream
