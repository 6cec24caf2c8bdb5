"""The outcome of every dirty file: read right, by comparison with an independent reading, or refused with a reason.

`python -m tests.extract.dirty.survey` writes docs/reference/dirty-files.md.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import re
import sys
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from python_calamine import CalamineWorkbook

from headwater.extract.files.archive import is_archive, open_members
from headwater.extract.files.content import BEGINNING
from headwater.extract.files.copy_text import FastPath
from headwater.extract.files.csv_records import CsvFile
from headwater.extract.files.dialect import Dialect
from headwater.extract.files.limits import Expansion
from headwater.extract.files.members import Members
from headwater.extract.files.record import Record
from headwater.extract.formats.registry import open_content
from headwater.metadata.errors import FormatBroken
from headwater.metadata.static.model import Source
from tests.conftest import PROJECT
from tests.extract.dirty.corpora import Asked, asked, unpack
from tests.support.hostile_files import FILES, refusal
from tests.support.sources import make_source

PAGE = PROJECT / "docs" / "reference" / "dirty-files.md"
Rows = list[list[Any]]


@dataclass(frozen=True)
class Verdict:
    """The outcome of a file: its records, columns and how they were compared, or why it was refused."""

    asked: Asked
    refused: str = ""
    records: int = 0
    columns: int = 0
    compared: str = ""
    wrong: str = ""  # where the two readings differ


def judge(file: Asked) -> Verdict:
    """Read a file as a source of those options would, and in another way."""
    source = make_source(options=file.options)
    content = file.path.read_bytes()
    name = file.path.name
    try:
        header, records = _read(source, content, name)
    except FormatBroken as error:
        return Verdict(file, refused=str(error))
    compared, expected = independent(file, content, len(header))
    ours: Rows = [list(header), *(record.values for record in records)]
    return Verdict(
        file,
        records=len(records),
        columns=len(header),
        compared=compared,
        wrong=_difference(ours, expected),
    )


def _read(source: Source, content: bytes, name: str) -> tuple[Sequence[str], list[Record]]:
    """As raw loading reads a landed object, blocks of CSV the fast way too."""
    if is_archive(source, name, content[:BEGINNING]):
        with open_members(io.BytesIO(content), name, None, Expansion.of(source, len(content))) as members:
            return _records(source, members)
    return _records(
        source, Members(iter([(io.BytesIO(content), name)]), [name], Expansion.of(source, len(content)))
    )


def _records(source: Source, members: Members) -> tuple[Sequence[str], list[Record]]:
    found = open_content(source, members)
    if not isinstance(found, CsvFile):
        return found.header, list(found.records())
    fast = FastPath(Dialect.of(source), len(found.header), "")
    records: list[Record] = []
    for block in found.blocks():
        converted = fast.from_csv(block) if found.is_plain(block) else None
        if converted is None:
            records += found.parse(block)
            continue
        for line in converted[0].decode().split("\n")[:-1]:
            number, *values = line.replace("\\\\", "\0").split("\x1f")
            records.append(Record(int(number), [value.replace("\0", "\\") for value in values]))
    return found.header, records


def independent(file: Asked, content: bytes, width: int) -> tuple[str, Rows]:
    """The cells of a file by other means: who read it, and what it found."""
    content = _unpacked(content, file.options)
    match file.options.get("format", "csv"):
        case "excel":
            return "calamine", _by_calamine(content, file.options, width)
        case "parquet":
            table = pq.read_table(io.BytesIO(content))
            return "pyarrow, as Python's values", [
                table.column_names,
                *(list(r.values()) for r in table.to_pylist()),
            ]
        case "json" | "ndjson" | "geojson" as name:
            return "Python's json", _by_json(content, name)
        case "fixed_width":
            return "str.split of each line", _by_places(content, file.options)
    return "Python's csv, not strict", _by_csv(content, file.options)


PACKED: Mapping[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b": gzip.decompress,
    b"BZh": bz2.decompress,
    b"\xfd7zXZ": lzma.decompress,
}


def _unpacked(content: bytes, options: dict[str, str]) -> bytes:
    if content.startswith(b"PK") and options.get("format") != "excel":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.read(next(member for member in archive.namelist() if not member.endswith("/")))
    for magic, unpacked in PACKED.items():
        if content.startswith(magic):
            return unpacked(content)
    return content


def _by_csv(content: bytes, options: dict[str, str]) -> Rows:
    csv.field_size_limit(1 << 28)
    text = content.decode(options.get("encoding", "utf-8")).removeprefix("\ufeff")
    skipped = int(options.get("header_line", "1")) - 1
    text = "".join(io.StringIO(text, newline="").readlines()[skipped:])
    quote = options.get("quote_char", '"')
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=options.get("delimiter", ","),
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
    )
    return [row for row in reader if row]


def _by_json(content: bytes, name: str) -> Rows:
    text = content.decode()
    documents: Any = (
        [json.loads(line) for line in text.splitlines() if line.strip()]
        if name == "ndjson"
        else json.loads(text)
    )
    if name == "geojson":
        documents = [
            {
                **(feature["properties"] or {}),
                "geometry": feature["geometry"]["type"],
                **({"feature": {"id": feature["id"]}} if "id" in feature else {}),
            }
            for feature in documents["features"]
        ]
    header = list(dict.fromkeys(name for record in documents for name in record))
    return [header, *([record.get(name) for name in header] for record in documents)]


def _by_calamine(content: bytes, options: dict[str, str], width: int) -> Rows:
    """The cells from the header on, as many columns as ours; of a header in several rows only what is below."""
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    wanted = options.get("sheet")
    number = int(wanted) if wanted and wanted.isdecimal() else 1
    sheet = (
        book.get_sheet_by_name(wanted) if wanted in book.sheet_names else book.get_sheet_by_index(number - 1)
    )
    first, lines = int(options.get("header_line", "1")) - 1, int(options.get("header_rows", "1"))
    rows = [[None if cell == "" else cell for cell in row] for row in sheet.to_python(skip_empty_area=False)]
    header = ["" if name is None else name for name in rows[first][:width]]
    below = [row[:width] + [None] * (width - len(row)) for row in rows[first + lines :]]
    return [header if lines == 1 else [], *(row for row in below if any(cell is not None for cell in row))]


def _by_places(content: bytes, options: dict[str, str]) -> Rows:
    """Columns of a fixed width, cut with nothing but the numbers of the table."""
    table = [column.rpartition(":") for column in options["fixed_columns"].split("|")]
    lines = content.decode(options.get("encoding", "utf-8")).splitlines()[
        int(options.get("first_line", "1")) - 1 :
    ]
    rows: Rows = [[name for name, _, _ in table]]
    for line in lines:
        if line.strip():
            cells = []
            for _, _, place in table:
                first, _, last = place.partition("-")
                cells.append(line[int(first) - 1 : int(last) if last else None].strip(" "))
            rows.append(cells)
    return rows


def _difference(ours: Rows, expected: Rows) -> str:
    if len(ours) == len(expected) == 1 and not expected[0]:
        return ""  # no records, so no columns
    if not expected[0]:
        ours = [[], *ours[1:]]
    if len(ours) != len(expected):
        return f"{len(ours) - 1} records, the other reading has {len(expected) - 1}"
    for number, (one, other) in enumerate(zip(ours, expected, strict=True)):
        if len(one) != len(other):
            return f"record {number}: {len(one)} values, the other reading has {len(other)}"
        for mine, theirs in zip(one, other, strict=True):
            if not _same(mine, theirs):
                return f"record {number}: {mine!r}, the other reading has {theirs!r}"
    return ""


def _same(mine: str | None, theirs: Any) -> bool:
    """Return whether a text says the same as a value of Python's."""
    if theirs is None or mine is None:  # calamine has neither empty texts nor errors
        return theirs is None and (mine in (None, "") or str(mine).startswith("#"))
    if isinstance(theirs, bool):
        return mine == str(theirs).lower()
    if isinstance(theirs, (int, float, Decimal)):
        try:
            return Decimal(mine) == Decimal(str(theirs))
        except InvalidOperation:
            return False
    if isinstance(theirs, datetime):
        return mine in (theirs.isoformat(" "), str(theirs.date()) if theirs.time() == time() else "")
    if isinstance(theirs, (date, time)):
        return mine.removesuffix(" 00:00:00") == theirs.isoformat()
    if isinstance(theirs, timedelta):
        return mine.split(":")[0].lstrip("0") == str(int(theirs.total_seconds() // 3600) or "")
    if isinstance(theirs, (list, dict)):
        return bool(json.loads(mine) == theirs)
    return mine == theirs or (
        mine.startswith(theirs.upper()) and theirs in ("Point", "LineString", "Polygon")
    )


def page(verdicts: Iterable[Verdict], hostile_lines: Iterable[str]) -> str:
    """The tables, as Markdown."""
    verdicts = list(verdicts)
    first = [v for v in verdicts if not v.asked.is_again]
    right = sum(1 for v in first if not v.refused and not v.wrong)
    again = [v for v in verdicts if v.asked.is_again]
    lines = [
        "# Dirty files",
        "",
        "Headwater reads every data file of the examples in [csvkit](https://github.com/wireservice/csvkit) 2.2.0",
        "and [frictionless](https://github.com/frictionlessdata/frictionless-py) 5.21.0 (both MIT) as its name says,",
        "and some again with the options that their source would have. A reading is right if each cell equals that of",
        "an independent reader, or if Headwater refuses the file with the line and the reason. A long test compares",
        "this page; `python -m tests.extract.dirty.survey` writes it.",
        "",
        f"{len(first)} files: {right} read right, {sum(1 for v in first if v.refused)} refused,"
        f" {sum(1 for v in first if v.wrong)} read otherwise. Of {len(again)} readings with options,"
        f" {sum(1 for v in again if not v.refused and not v.wrong)} right,"
        f" {sum(1 for v in again if v.refused)} refused, {sum(1 for v in again if v.wrong)} otherwise.",
        "",
        "| file | options | verdict |",
        "|---|---|---|",
    ]
    lines += [
        *(_line(verdict) for verdict in verdicts),
        "",
        "## Files that expand far beyond their size",
        "",
        "`tests/support/hostile_files.py` makes these files, and a process with little free memory reads each of them",
        "(`tests/extract/files/test_limits.py`).",
        "",
        "| file | options | verdict |",
        "|---|---|---|",
    ]
    return "\n".join([*lines, *hostile_lines, ""])


def _line(verdict: Verdict) -> str:
    options = ", ".join(f"`{name}` {_shown(value)}" for name, value in verdict.asked.options.items())
    if verdict.refused:
        message = f"refused: {_cell(verdict.refused)}"
    elif verdict.wrong:
        message = f"**differs**: {_cell(verdict.wrong)}"
    else:
        message = f"right: {verdict.records:,} records of {verdict.columns} columns, as {verdict.compared}"
    return f"| {_cell(verdict.asked.file)} | {options} | {message} |"


def _shown(value: str) -> str:
    return "a table" if value.count("|") > 3 else f"`{_cell(value)}`".replace("\t", "\\t")


def _cell(text: str) -> str:
    printable = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return (printable if len(printable) < 400 else f"{printable[:400]} …").replace("|", "\\|")


def survey(folder: Path) -> list[Verdict]:
    """All verdicts; `folder` keeps the packages."""
    return [judge(file) for file in asked(unpack(folder, print))]


def hostile() -> list[str]:
    """A line for each file that becomes far more than it is, without numbers that depend on who packed it."""
    lines = []
    for name, file in FILES.items():
        message = refusal(name, file.make())
        message = re.sub(r"from \d+ to \d+ bytes", "from few to far too many bytes", message)
        message = re.sub(r"of \d+ bytes that landed", "of few bytes that landed", message)
        options = ", ".join(f"`{option}` `{value}`" for option, value in file.options.items())
        lines.append(f"| {name} | {options} | refused: {_cell(message)} |")
    return lines


if __name__ == "__main__":
    verdicts = survey(Path(sys.argv[1] if len(sys.argv) > 1 else ".headwater/dirty_files"))
    PAGE.write_text(page(verdicts, hostile()), encoding="utf-8")
    print(f"{PAGE}: {len(verdicts)} readings")
