"""A look at a file: the format and the options by which our own reader reads it, and the columns that it then has.

Options are proposed by what the file begins with; whether they are right is judged by the reader that will load it.
"""

from __future__ import annotations

import codecs
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import IO

from extract.archive import is_archive, open_members
from extract.content import BEGINNING, OLD_OFFICE, ZIP, begin, recognize
from extract.formats.ods_sheet import is_ods
from extract.formats.registry import WITHOUT_HEADER, open_content
from extract.limits import Limits
from extract.members import Members
from headwater.new_source.dialect import candidates, encodings
from headwater.new_source.nested import json_format, json_record_path, member_paths, xml_record_path
from headwater.new_source.values import Typed, type_of
from metadata.errors import FormatBroken, NewSourceRefused
from metadata.static.model import Attribute, DataSource, Source

MOST_BYTES = 64 << 20  # of a file that are looked at to find out how it is read
MOST_VALUES = 5_000_000  # of a file that are judged; of a larger one the first so many
MOST_ABOVE = 20  # rows above the header of a sheet
PADDED_PCT = 50


@dataclass
class Column:
    """A column of the sample: every value of it, equal ones as one object. `place` counts from 1."""

    name: str
    place: int
    values: list[str | None] = field(default_factory=list)

    @cached_property
    def distinct(self) -> frozenset[str]:
        """Its different values, without nulls."""
        return frozenset(value for value in self.values if value)

    @cached_property
    def typed(self) -> Typed:
        """What its values are."""
        return type_of(self.distinct, self.name)

    @cached_property
    def nulls(self) -> int:
        """How many values are null, by its own tokens."""
        tokens = frozenset(self.typed.null_tokens) if self.typed.datatype != "text" else frozenset()
        return sum(not value or value in tokens for value in self.values)


@dataclass(frozen=True)
class Look:
    """What was found. `options` are those of the source, unspelled; `is_whole`: every record was judged."""

    options: Mapping[str, str]
    columns: tuple[Column, ...]
    records: int
    is_whole: bool
    line: int | None  # of the header


def look_at(path: Path, name: str, told: Mapping[str, str]) -> Look:
    """Find out how a file is read, and read it. `told` are options that are not to be guessed at.

    Raises `FormatBroken` where it cannot be read, by the reader that will load it, and `NewSourceRefused` where
    nothing can be proposed.
    """
    first: FormatBroken | None = None
    for options in _ways(path, name, told):
        try:
            found = _read(path, name, options)
        except FormatBroken as error:
            first = first or error
            continue
        return _unpadded(path, name, _unnested(path, name, found), told)
    raise first or FormatBroken(name, None, "nothing in it can be read as records, expected a file of data")


def stand_in(
    options: Mapping[str, str] | None = None, names: Sequence[str] = (), name: str = "new_source"
) -> Source:
    """A source that reads with these options, before there is one; its attributes are called like its columns."""
    attributes = tuple(
        Attribute(name, column, f"column_{place}", "text", None, ("",), False, True, True, column)
        for place, column in enumerate(names, 1)
    )
    return Source(
        name=name, job=name, data_source=DataSource(name, "local_files", name), owner="", schedule="irregular",
        geographic_granularity="", delivery_type="snapshot", extract_function=None, wrangle_function=None,
        quality_checks=(), load_new=True, load_changed=True, load_removed=True, on_null_key="fall_out",
        on_duplicate_key="halt", on_unknown_column="keep", max_removed_pct=None, max_fallen_out_pct=None,
        description="", attributes=attributes, options=dict(options or {}), conn_str=None, conn_api=None,
    )  # fmt: skip


@contextmanager
def _opened(path: Path, name: str, options: Mapping[str, str]) -> Iterator[Members]:
    """The files of the sample, as loading opens those of a delivery."""
    source = stand_in(options)
    limits = Limits.of(source)
    with path.open("rb") as stream, ExitStack() as opened:
        beginning, whole = begin(stream, len(ZIP))
        if is_archive(source, name, beginning):
            pattern, is_all = options.get("zip_member"), options.get("zip_members") == "all"
            stream.seek(0)
            yield opened.enter_context(open_members(stream, name, pattern, limits, is_all=is_all))
        else:
            yield Members(iter([(whole, name)]), [name], limits)


def _ways(path: Path, name: str, told: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The options by which the file may be read, the likeliest first."""
    if path.stat().st_size == 0:
        raise FormatBroken(name, None, "empty, expected a file of data")
    if "format" in told and told["format"] not in ("csv", "json", "ndjson", "geojson", "xml", "excel"):
        yield dict(told)
        return
    if told.get("format", "excel") == "excel" and _is_workbook(path):
        yield from _ways_of_workbook(path, name, {"format": "excel", **told})
        return
    content, file = _content(path, name, told)
    if told.get("format", "excel") == "excel" and _is_packed_workbook(content):
        yield from _ways_of_workbook(path, name, {"format": "excel", **told})
    elif content.startswith(b"PAR1"):
        yield {"format": "parquet", **told}
    elif found := _unreadable(content, told):
        raise NewSourceRefused(
            f"{file}: got {found}, expected CSV, JSON, NDJSON, GeoJSON, XML, Excel, OpenDocument or Parquet"
        )
    elif told.get("format") == "xml" or ("format" not in told and _is_xml(content)):
        path_told = told.get("record_path") or xml_record_path(content)
        yield {"format": "xml", **told} | ({"record_path": path_told} if path_told else {})
    else:
        yield from _ways_of_text(content, file, told)


def _unreadable(content: bytes, told: Mapping[str, str]) -> str | None:
    found = recognize(content[:BEGINNING])
    is_xml = found == "an XML document" and told.get("format", "xml") == "xml"
    if not content.strip():
        return "nothing but white space"
    return None if is_xml else found


def _is_xml(content: bytes) -> bool:
    beginning = content.removeprefix(codecs.BOM_UTF8).lstrip()
    return beginning.startswith(b"<") and content.rstrip(b"\0\r\n \t").endswith(b">")


def _ways_of_text(content: bytes, file: str, told: Mapping[str, str]) -> Iterator[dict[str, str]]:
    fitting = [told["encoding"]] if "encoding" in told else encodings(content)
    if b"\0" in content and "utf-16" not in fitting and "encoding" not in told:
        raise NewSourceRefused(
            f"{file}: a file of bytes, not of text, expected one of the formats that are read"
        )
    for encoding in fitting:
        base = {**told} | ({"encoding": encoding} if encoding != "utf-8" else {})
        begins = content.decode(encoding, "ignore").lstrip("\ufeff").lstrip()[:1]
        if told.get("format", "").endswith("json") or ("format" not in told and begins in ("{", "[")):
            form = told.get("format") or json_format(content, encoding)
            yield {"format": form, **base} | _record_path(content, encoding, form, base)
        else:
            for candidate in candidates(content, encoding, dict(told)):
                yield {**base, **candidate.options}


def _record_path(content: bytes, encoding: str, form: str, told: Mapping[str, str]) -> dict[str, str]:
    found = json_record_path(content, encoding) if form == "json" and "record_path" not in told else None
    return {"record_path": found} if found else {}


def _ways_of_workbook(path: Path, name: str, told: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """With the header in the first row whose every cell has a name, as far to the right as there are values."""
    if "header_line" in told:
        yield dict(told)
        return
    for row in range(1, MOST_ABOVE + 1):
        options = {**told} | ({"header_line": str(row)} if row > 1 else {})
        try:
            with _opened(path, name, options) as members:
                header = open_content(stand_in(options), members).header
        except FormatBroken:
            if row == 1:
                yield options  # so that what is wrong with the whole workbook is said
            continue
        if all(header) and len(set(header)) == len(header) and (len(header) > 1 or row == 1):
            yield options
    yield dict(told)


def _is_workbook(path: Path) -> bool:
    with path.open("rb") as file:
        return _is_packed_workbook(file.read(BEGINNING), file)


def _is_packed_workbook(beginning: bytes, file: IO[bytes] | None = None) -> bool:
    if beginning.startswith(OLD_OFFICE) or is_ods(beginning):
        return True
    if not beginning.startswith(ZIP):
        return False
    if file is None:
        return b"[Content_Types].xml" in beginning or b"xl/" in beginning
    try:
        with zipfile.ZipFile(file) as archive:
            return "[Content_Types].xml" in archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return False


def _content(path: Path, name: str, told: Mapping[str, str]) -> tuple[bytes, str]:
    """The unpacked beginning of the (first) file, and its name."""
    with _opened(path, name, told) as members:
        stream, file = next(iter(members))
        with tempfile.SpooledTemporaryFile(MOST_BYTES) as spool:
            while spool.tell() < MOST_BYTES and (piece := stream.read(1 << 20)):
                spool.write(piece)
            spool.seek(0)
            return spool.read(), file


def _read(path: Path, name: str, options: Mapping[str, str], names: Sequence[str] = ()) -> Look:
    """The columns of the file as the reader of its format gives them."""
    with _opened(path, name, options) as members:
        content = open_content(stand_in(options, names), members)
        columns = [Column(column, place) for place, column in enumerate(content.header, 1)]
        same: dict[str, str] = {}
        most = max(MOST_VALUES // max(len(columns), 1), 1)
        count, is_whole = 0, True
        for _, values in content.records():
            if count >= most:
                is_whole = False
                break
            count += 1
            for column, value in zip(columns, values, strict=True):
                column.values.append(None if value is None else same.setdefault(value, value))
    return Look(dict(options), tuple(columns), count, is_whole, content.line)


def _unnested(path: Path, name: str, found: Look) -> Look:
    """The same with the members of objects as columns of their own."""
    if found.options.get("format") not in WITHOUT_HEADER:
        return found
    names = [path_ for c in found.columns for path_ in member_paths(c.name, c.distinct) or [c.name]]
    return _read(path, name, found.options, names) if names != [c.name for c in found.columns] else found


def _unpadded(path: Path, name: str, found: Look, told: Mapping[str, str]) -> Look:
    """The same without the blanks around values, where whole columns have them."""
    if "trim_whitespace" in told or found.options.get("format", "csv") not in ("csv", "excel", "fixed_width"):
        return found
    is_padded = any(column.name != column.name.strip() and column.name.strip() for column in found.columns)
    for column in found.columns:
        padded = sum(value != value.strip() for value in column.distinct)
        is_padded |= padded > 0 and padded * 100 >= PADDED_PCT * len(column.distinct)
    if not is_padded:
        return found
    options = {**found.options, "trim_whitespace": "true"}
    trimmed = _read(path, name, options)
    for column in trimmed.columns:  # staging trims values; the reader trims names alone
        column.values = [value.strip(" \t") if value else value for value in column.values]
    return replace(trimmed, options=options)
