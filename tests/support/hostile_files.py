"""Files that become far more than they are: each is refused by name and reason, in little time and memory.

`python -m tests.support.hostile_files FOLDER MIB` reads those in a folder with so much memory to spare.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import resource
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from headwater.extract.files.archive import is_archive, open_members
from headwater.extract.files.content import BEGINNING
from headwater.extract.files.limits import Expansion
from headwater.extract.files.members import Members
from headwater.extract.formats.registry import open_content
from headwater.extract.schema.columns import Layout, match_header
from headwater.metadata.errors import FormatBroken
from tests.support.sources import make_source
from tests.support.workbooks import ods_around, xls_of_cells, xlsx

EXCEL = {"format": "excel"}
BILLION = "1000000000"
LAUGHS = (
    '<!DOCTYPE lolz [<!ENTITY a0 "lollollollol">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    + "]>"
)


@dataclass(frozen=True)
class Hostile:
    """A file, how it is read, and how the message begins that refuses it."""

    make: Callable[[], bytes]
    message: str
    options: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[str, ...] = ("id", "name")


def _table(row: str, before: str = "") -> bytes:
    return ods_around(f'<table:table table:name="T">{row}</table:table>', before, zipfile.ZIP_DEFLATED)


def _cell(text: str, more: str = "") -> str:
    return f'<table:table-cell {more} office:value-type="string"><text:p>{text}</text:p></table:table-cell>'


def _row(cells: str, more: str = "") -> str:
    return f"<table:table-row {more}>{cells}</table:table-row>"


def _zipped(name: str, content: bytes, times: int = 1) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(times):
            archive.writestr(f"{number}{name}", content)
    return buffer.getvalue()


def _lines(mib: int = 80) -> bytes:
    return b"id,name\n" + (b"1," + b"x" * 1021 + b"\n") * (mib << 10)


def _replaced(book: bytes, member: str, content: str) -> bytes:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(book)) as before,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as after,
    ):
        for name in before.namelist():
            after.writestr(name, content if name == member else before.read(name))
        if member not in before.namelist():
            after.writestr(member, content)
    return buffer.getvalue()


FIRST = '<row><c t="inlineStr"><is><t>id</t></is></c></row>'
SHEET, NAMESPACE = "xl/worksheets/sheet1.xml", "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def _sheet(rows: str, after: str = "") -> bytes:
    return _replaced(
        xlsx([["id"]]),
        SHEET,
        f'<worksheet xmlns="{NAMESPACE}"><sheetData>{rows}</sheetData>{after}</worksheet>',
    )


def _shared_texts() -> bytes:
    """A hundred thousand cells of one text."""
    text = f'<c t="inlineStr"><is><t>id</t></is></c><c t="inlineStr"><is><t>{"name"}</t></is></c>'
    book = _sheet(f"<row>{text}</row>" + '<row><c t="s"><v>0</v></c></row>' * 100_000)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        types = archive.read("[Content_Types].xml").decode()
    part = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'
    book = _replaced(book, "[Content_Types].xml", types.replace("</Types>", part))
    return _replaced(
        book, "xl/sharedStrings.xml", f'<sst xmlns="{NAMESPACE}"><si><t>{"x" * 30_000}</t></si></sst>'
    )


def _parquet(text: str, rows: int) -> bytes:
    """One text in every row, which the file holds once."""
    column = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([text]))
    buffer = io.BytesIO()
    pq.write_table(pa.table({"id": column}), buffer, compression="zstd", store_schema=False)
    return buffer.getvalue()


def _orders(count: int, size: int) -> bytes:
    """An order with a long name around so many records."""
    order = {"name": "x" * size, "items": [{"id": str(n)} for n in range(count)]}
    return gzip.compress(json.dumps({"data": [order]}).encode())


_TOO_MUCH = "expected at most 65536 MiB (max_unpacked_mib) and 500 times its packed size (max_unpacked_ratio)"
_TOO_LONG = "expected at most 16777216 (max_value_mib 16)"

FILES: Mapping[str, Hostile] = {
    "blanks.ods": Hostile(
        lambda: _table(_row(_cell("id")) + _row(_cell(f'<text:s text:c="{BILLION}"/>'))),
        f"blanks.ods:2: a value of 1000000000 characters in column 1, {_TOO_LONG}",
        EXCEL,
    ),
    "blanks_in_many.ods": Hostile(
        lambda: _table(_row(_cell("id")) + _row(_cell('<text:s text:c="9999999"/>' * 500))),
        f"blanks_in_many.ods:2: a value of 19999998 characters in column 1, {_TOO_LONG}",
        EXCEL,
    ),
    "no_number.ods": Hostile(
        lambda: _table(_row(_cell("id")) + _row(_cell("x", 'table:number-columns-repeated="-1"'))),
        "no_number.ods: not an .ods workbook that can be read (repeated '-1' times)",
        EXCEL,
    ),
    "spans.ods": Hostile(
        lambda: _table(_row(_cell("id", f'table:number-columns-spanned="{BILLION}"')) + _row(_cell("a")) * 2),
        "spans.ods:1: merged cells up to column 1000000000, expected each cell in one, of 16384 columns at most",
        {**EXCEL, "header_rows": "2"},
    ),
    "wide.ods": Hostile(
        lambda: _table(_row(_cell("id", f'table:number-columns-repeated="{BILLION}"'))),
        "wide.ods: more than 16384 columns, expected no more",
        EXCEL,
    ),
    "many_columns.ods": Hostile(
        lambda: _table(
            _row(_cell("id", 'table:number-columns-repeated="16000"'))
            + _row(_cell("x" * 60_000, 'table:number-columns-repeated="16000"'))
        ),
        "many_columns.ods:2: a record of 960000000 characters, expected at most 67108864 in all its values",
        EXCEL,
    ),
    "many_rows.ods": Hostile(
        lambda: _table(
            _row(_cell("id")) + _row(_cell("x" * 10_000), f'table:number-rows-repeated="{BILLION}"')
        ),
        "many_rows.ods:6712: gives 67116711 characters of values of ",
        EXCEL,
    ),
    "deep.ods": Hostile(
        lambda: _table(_row(_cell("<text:span>" * 50_000 + "</text:span>" * 50_000))),
        "deep.ods: elements more than 100 deep, expected no more",
        EXCEL,
    ),
    "laughs.ods": Hostile(
        lambda: _table(_row(_cell("&a9;")), LAUGHS),
        "laughs.ods: not an .ods workbook that can be read (DTDForbidden(",
        EXCEL,
    ),
    "laughs.xlsx": Hostile(
        lambda: _replaced(
            xlsx([["id"]]), SHEET, f'{LAUGHS}<worksheet xmlns="{NAMESPACE}"><x>&a9;</x></worksheet>'
        ),
        "laughs.xlsx: not an .xlsx workbook that can be read (EntitiesForbidden(",
        EXCEL,
    ),
    "laughs.xml": Hostile(
        lambda: f"{LAUGHS}<d><r><id>&a9;</id></r></d>".encode(),
        "laughs.xml: an XML document with entities of its own, expected none (EntitiesForbidden)",
        {"format": "xml", "record_path": "d.r"},
    ),
    "shared_texts.xlsx": Hostile(
        _shared_texts, "shared_texts.xlsx:2238: gives 67112237 characters of values of ", EXCEL
    ),
    "spans.xlsx": Hostile(
        lambda: _sheet(
            FIRST,
            '<mergeCells><mergeCell ref="A1:XFD1"/><mergeCell ref="A1:XFD1"/><mergeCell ref="A1:XFD1"/></mergeCells>',
        ),
        "spans.xlsx:1: merged cells that overlap, expected each cell in one, of 16384 columns at most",
        {**EXCEL, "header_rows": "2"},
    ),
    "large_part.xlsx": Hostile(
        lambda: _replaced(xlsx([["id"]]), "xl/styles.xml", "<x>" + " " * (33 << 20) + "</x>"),
        "large_part.xlsx: not an .xlsx workbook that can be read (xl/styles.xml has ",
        EXCEL,
    ),
    "long_value.xlsx": Hostile(
        lambda: _sheet(f'<row><c t="inlineStr"><is><t>{"x" * (17 << 20)}</t></is></c></row>'),
        "long_value.xlsx: an element of more than 16 MiB",
        EXCEL,
    ),
    "corner.xls": Hostile(  # the rows up to there need no memory, and are none
        lambda: xls_of_cells([(0, 0, "id"), (65_535, 255, "x")]),
        "corner.xls:65536: 'x' in IV65536, expected nothing right of the header, which ends in column A",
        EXCEL,
    ),
    "one_text.parquet": Hostile(
        lambda: _parquet("x" * 1_000_000, 100_000),
        "one_text.parquet:68: gives 68000068 characters of values of ",
        {"format": "parquet"},
    ),
    "long_value.parquet": Hostile(
        lambda: _parquet("x" * 20_000_000, 5_000),
        f"long_value.parquet:1: a value of 20000000 characters in column 'id', {_TOO_LONG}",
        {"format": "parquet"},
    ),
    "parents.json.gz": Hostile(
        lambda: _orders(1_000, 1_000_000),
        "parents.json.gz:68: gives 68000194 characters of values of ",
        {"format": "json", "record_path": "data[].items[]"},
        ("id", "^.name"),
    ),
    "bomb.csv.gz": Hostile(
        lambda: gzip.compress(_lines()),
        "bomb.csv.gz: unpacks from {landed} to ",
    ),
    "bomb.csv.bz2": Hostile(lambda: bz2.compress(_lines()), "bomb.csv.bz2: unpacks from {landed} to "),
    "bomb.csv.xz": Hostile(lambda: lzma.compress(_lines()), "bomb.csv.xz: unpacks from {landed} to "),
    "gzip_in_a_zip.zip": Hostile(
        lambda: _zipped(".csv.gz", gzip.compress(_lines())),
        f"gzip_in_a_zip.zip/0.csv.gz: unpacks from {{landed}} to 67112960 bytes, {_TOO_MUCH}",
    ),
    "gzips_in_a_zip.zip": Hostile(  # each of them is small
        lambda: _zipped(".csv.gz", gzip.compress(_lines(20)), 10),
        f"gzips_in_a_zip.zip/3.csv.gz: unpacks from {{landed}} to 67112984 bytes, {_TOO_MUCH}",
        {"zip_members": "all"},
    ),
    "xlsx_in_a_gzip.xlsx.gz": Hostile(
        lambda: gzip.compress(_sheet("<row/>" * 15_000_000)),
        "xlsx_in_a_gzip.xlsx.gz: unpacks from {landed} to 9",
        EXCEL,
    ),
}


def refusal(name: str, content: bytes) -> str:
    """Return what is said of such a file where raw would read it."""
    file = FILES[name]
    source = make_source(file.columns, options=dict(file.options), optional=file.columns[1:])
    expansion = Expansion.of(source, len(content))
    try:
        if is_archive(source, name, content[:BEGINNING]):
            is_all = source.options.get("zip_members") == "all"
            with open_members(io.BytesIO(content), name, None, expansion, is_all=is_all) as members:
                _read(source, members)
        else:
            _read(source, Members(iter([(io.BytesIO(content), name)]), [name], expansion))
    except FormatBroken as error:
        return str(error)
    return "it is read"


def _read(source, members) -> None:  # type: ignore[no-untyped-def]
    found = open_content(source, members)
    layout = Layout.of(source, match_header(source, found.header))
    rows = getattr(found, "rows", None)
    for _ in rows(layout) if rows else found.records():
        pass


def main(folder: Path, spare_mib: int) -> dict[str, str]:
    """The refusal of every file in a folder."""
    import openpyxl  # noqa: F401
    import xlrd  # noqa: F401

    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + (spare_mib << 20),) * 2)
    return {path.name: refusal(path.name, path.read_bytes()) for path in sorted(folder.iterdir())}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]))))
