"""Detection of the format and reading options of a file, and of its columns.

The beginning of the file suggests the options; the reader that will load the file verifies them.
"""

from __future__ import annotations

import codecs
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import IO

from headwater.extract.files.archive import is_archive, open_members
from headwater.extract.files.content import BEGINNING, OLD_OFFICE, ZIP, begin, recognize
from headwater.extract.files.limits import Expansion, Limits
from headwater.extract.files.members import Members
from headwater.extract.files.record import Record
from headwater.extract.formats.json_text import JsonText
from headwater.extract.formats.ods_sheet import is_ods
from headwater.extract.formats.registry import WITHOUT_HEADER, open_content
from headwater.extract.raw.transforms import unpivot
from headwater.metadata.errors import FormatBroken, NewSourceRefused
from headwater.metadata.static.model import Attribute, DataSource, Source
from headwater.new_source.dialect import Candidate, candidates, dialect_doubts
from headwater.new_source.doubt import Doubt, option_flag, quoted
from headwater.new_source.encoding import encoding_doubt, encodings
from headwater.new_source.nested import (
    is_feature_collection,
    json_format,
    json_outline,
    json_record_path,
    member_paths,
    xml_record_path,
)
from headwater.new_source.values import Typed, type_of

MOST_BYTES = 64 << 20  # of a file, for the detection of the reading options
MOST_VALUES = 5_000_000  # of a file to analyze; of a larger file the first ones
MOST_ABOVE = 20  # rows above the header of a sheet
PADDED_PCT = 50
UNPIVOT_NEEDS = ("unpivot_keep", "unpivot_name", "unpivot_value")

Doubts = Callable[[], Iterable[Doubt]]


@dataclass
class Column:
    """A column of the sample with all its values; equal ones share one object. `place` counts from 1."""

    name: str
    place: int
    values: list[str | None] = field(default_factory=list)
    null_tokens: tuple[str, ...] = ()  # that were told

    @cached_property
    def distinct(self) -> frozenset[str]:
        """Return its different values, without nulls."""
        return frozenset(value for value in self.values if value)

    @cached_property
    def typed(self) -> Typed:
        """Return the type of its values."""
        return type_of(self.distinct, self.name, self.null_tokens)

    @cached_property
    def nulls(self) -> int:
        """Return the number of nulls, by its null tokens."""
        tokens = frozenset(self.typed.null_tokens)
        return sum(not value or value in tokens for value in self.values)


@dataclass(frozen=True)
class Look:
    """The detected options and columns.

    `options` are those of the source, unspelled; `is_whole` means that every record was analyzed.
    """

    options: Mapping[str, str]
    columns: tuple[Column, ...]
    records: int
    is_whole: bool
    line: int | None  # of the header
    doubts: tuple[Doubt, ...] = ()


@dataclass(frozen=True)
class _Way:
    """Options with which a file may be read, and the doubts about them."""

    options: dict[str, str]
    doubts: Doubts = tuple


def look_at(path: Path, name: str, given: Mapping[str, str]) -> Look:
    """Detect how to read a file, and read it. `given` are options that are fixed.

    Raises `FormatBroken` if the reader that will load the file cannot read it, and `NewSourceRefused` if
    there is nothing to propose.
    """
    first: FormatBroken | None = None
    for way in _ways(path, name, given):
        try:
            found = _read(path, name, way.options)
        except FormatBroken as error:
            first = first or error
            continue
        found = replace(found, doubts=tuple(way.doubts()))
        return _unpadded(path, name, _unnested(path, name, found), given)
    raise first or FormatBroken(name, None, "nothing in it can be read as records, expected a file of data")


def stand_in(
    options: Mapping[str, str] | None = None, names: Sequence[str] = (), name: str = "new_source"
) -> Source:
    """Return a source with these options that does not exist yet; its attributes are named like its columns."""
    attributes = tuple(
        Attribute(name, column, f"column_{place}", "text", None, ("",), False, True, True, column)
        for place, column in enumerate(names, 1)
    )
    return Source(
        name=name, job=name, data_source=DataSource(name, "local_files", name), owner="", schedule="irregular",
        geographic_granularity="", delivery_type="snapshot", extract_function=None,
        wrangle_function="unpivot" if is_unpivoted(options or {}) else None,
        quality_checks=(), load_new=True, load_changed=True, load_removed=True, on_null_key="fall_out",
        on_duplicate_key="halt", on_unknown_column="keep", max_removed_pct=None, max_fallen_out_pct=None,
        description="", attributes=attributes, options=dict(options or {}), conn_str=None, conn_api=None,
    )  # fmt: skip


def is_unpivoted(options: Mapping[str, str]) -> bool:
    """Return whether these options turn columns into records."""
    return all(name in options for name in UNPIVOT_NEEDS)


@contextmanager
def _opened(path: Path, name: str, options: Mapping[str, str]) -> Iterator[Members]:
    """Open the files of the sample in the way in which loading opens those of a delivery."""
    source = stand_in(options)
    expansion = Expansion.of(source, path.stat().st_size)
    with path.open("rb") as stream, ExitStack() as opened:
        beginning, whole = begin(stream, len(ZIP))
        if is_archive(source, name, beginning):
            pattern, is_all = options.get("zip_member"), options.get("zip_members") == "all"
            stream.seek(0)
            yield opened.enter_context(open_members(stream, name, pattern, expansion, is_all=is_all))
        else:
            yield Members(iter([(whole, name)]), [name], expansion)


def _ways(path: Path, name: str, given: Mapping[str, str]) -> Iterator[_Way]:
    """Return the possible ways to read the file, the likeliest first."""
    if path.stat().st_size == 0:
        raise FormatBroken(name, None, "empty, expected a file of data")
    if "format" in given and given["format"] not in ("csv", "json", "ndjson", "geojson", "xml", "excel"):
        yield _Way(dict(given))
        return
    if given.get("format", "excel") == "excel" and _is_workbook(path):
        yield from _ways_of_workbook(path, name, {"format": "excel", **given})
        return
    content, file = _content(path, name, given)
    if given.get("format", "excel") == "excel" and _is_packed_workbook(content):
        yield from _ways_of_workbook(path, name, {"format": "excel", **given})
    elif content.startswith(b"PAR1"):
        yield _Way({"format": "parquet", **given})
    elif found := _unreadable(content, given):
        raise NewSourceRefused(
            f"{file}: got {found}, expected CSV, JSON, NDJSON, GeoJSON, XML, Excel, OpenDocument or Parquet"
        )
    elif given.get("format") == "xml" or ("format" not in given and _is_xml(content)):
        yield _way_of_xml(content, given)
    else:
        yield from _ways_of_text(path, content, name, file, given)


def _unreadable(content: bytes, given: Mapping[str, str]) -> str | None:
    found = recognize(content[:BEGINNING])
    is_xml = found == "an XML document" and given.get("format", "xml") == "xml"
    if not content.strip():
        return "nothing but white space"
    return None if is_xml else found


def _is_xml(content: bytes) -> bool:
    beginning = content.removeprefix(codecs.BOM_UTF8).lstrip()
    return beginning.startswith(b"<") and content.rstrip(b"\0\r\n \t").endswith(b">")


def _way_of_xml(content: bytes, given: Mapping[str, str]) -> _Way:
    if "record_path" in given:
        return _Way({"format": "xml", **given})
    found, doubts = xml_record_path(content)
    return _Way({"format": "xml", **given} | ({"record_path": found} if found else {}), lambda: doubts)


def _ways_of_text(
    path: Path, content: bytes, name: str, file: str, given: Mapping[str, str]
) -> Iterator[_Way]:
    fitting = [given["encoding"]] if "encoding" in given else encodings(content, file)
    if b"\0" in content and "utf-16" not in fitting and "encoding" not in given:
        raise NewSourceRefused(
            f"{file}: a file of bytes, not of text, expected one of the formats that are read"
        )
    for encoding in fitting:
        base = {**given} | ({"encoding": encoding} if encoding != "utf-8" else {})
        doubt = encoding_doubt(content, fitting, encoding) if "encoding" not in given else None
        of_encoding = [doubt] if doubt else []
        begins = content.decode(encoding, "ignore").lstrip("\ufeff").lstrip()[:1]
        if given.get("format", "").endswith("json") or ("format" not in given and begins in ("{", "[")):
            yield _way_of_json(path, content, name, encoding, base, of_encoding)
        else:
            yield from _ways_of_csv(content, file, encoding, base, given, of_encoding)


def _way_of_json(
    path: Path, content: bytes, name: str, encoding: str, given: dict[str, str], of_encoding: list[Doubt]
) -> _Way:
    form = given.get("format") or json_format(content, encoding)
    options = {"format": form, **given}
    if form != "json" or "record_path" in given:
        return _Way(options, lambda: of_encoding)
    with _opened(path, name, given) as members:
        stream, file = next(iter(members))
        outline = json_outline(JsonText(stream, file, encoding, Limits.of(stand_in(given)).max_nesting))
    if outline is None:
        return _Way(options, lambda: of_encoding)
    if "format" not in given and is_feature_collection(outline):
        return _Way({**options, "format": "geojson"}, lambda: of_encoding)
    found, doubts = json_record_path(outline)
    return _Way(options | ({"record_path": found} if found else {}), lambda: [*of_encoding, *doubts])


def _ways_of_csv(
    content: bytes,
    file: str,
    encoding: str,
    base: dict[str, str],
    given: Mapping[str, str],
    of_encoding: list[Doubt],
) -> Iterator[_Way]:
    try:
        found = candidates(content, encoding, dict(given))
    except UnicodeDecodeError as error:  # an encoding that was told
        line = content.count(b"\n", 0, error.start) + 1
        raise FormatBroken(
            file, line, f"byte 0x{content[error.start]:02x} at offset {error.start} is not {encoding}, expected text"
            " in it (--option encoding)",
        ) from None  # fmt: skip

    def doubts(chosen: Candidate) -> Doubts:
        return lambda: [*of_encoding, *dialect_doubts(content, encoding, chosen, found, given)]

    for candidate in found:
        yield _Way({**base, **candidate.options}, doubts(candidate))


def _ways_of_workbook(path: Path, name: str, given: Mapping[str, str]) -> Iterator[_Way]:
    """Return ways with the header in the first row whose cells all have a name, as wide as the values."""
    if "header_line" in given:
        yield _Way(dict(given))
        return
    above: list[str] = []
    for row in range(1, MOST_ABOVE + 1):
        options = {**given} | ({"header_line": str(row)} if row > 1 else {})
        try:
            with _opened(path, name, options) as members:
                header = open_content(stand_in(options), members).header
        except FormatBroken:
            if row == 1:
                yield _Way(options)  # so that an error of the whole workbook is reported
            continue
        if all(header) and len(set(header)) == len(header) and (len(header) > 1 or row == 1):
            doubts = [_doubt_of_row(row, header, above)] if above else []
            yield _Way(options, lambda doubts=doubts: doubts)  # type: ignore[misc]
        if any(header):
            above.append(f"row {row} ({quoted(', '.join(filter(None, header)))})")
    yield _Way(dict(given))


def _doubt_of_row(row: int, header: Sequence[str], above: Sequence[str]) -> Doubt:
    return Doubt(
        "header_line", f"row {row} is the header ({quoted(', '.join(header))})",
        f"it is the first whose every cell has a name; left out above it: {'; '.join(above[-3:])}",
        "the names are wrong and a record is lost, in this and every later delivery",
        option_flag("header_line", str(row)), is_harmful=True, option="header_line", choices=(str(row),),
    )  # fmt: skip


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


def _content(path: Path, name: str, given: Mapping[str, str]) -> tuple[bytes, str]:
    """Return the unpacked beginning of the (first) file, and its name."""
    with _opened(path, name, given) as members:
        stream, file = next(iter(members))
        with tempfile.SpooledTemporaryFile(MOST_BYTES) as spool:
            while spool.tell() < MOST_BYTES and (piece := stream.read(1 << 20)):
                spool.write(piece)
            spool.seek(0)
            return spool.read(), file


def _read(path: Path, name: str, options: Mapping[str, str], names: Sequence[str] = ()) -> Look:
    """Read the columns of the file with the reader of its format."""
    with _opened(path, name, options) as members:
        source = stand_in(options, names)
        content = open_content(source, members)
        header = content.header
        records: Iterable[Record] = content.records()
        if source.wrangle_function:
            header, records = unpivot(source, header, records, name)
        tokens = source.tokens("null_tokens")
        columns = [Column(column, place, null_tokens=tokens) for place, column in enumerate(header, 1)]
        same: dict[str, str] = {}
        most = max(MOST_VALUES // max(len(columns), 1), 1)
        count, is_whole = 0, True
        for _, values in records:
            if count >= most:
                is_whole = False
                break
            count += 1
            for column, value in zip(columns, values, strict=True):
                column.values.append(None if value is None else same.setdefault(value, value))
    return Look(dict(options), tuple(columns), count, is_whole, content.line)


def _unnested(path: Path, name: str, found: Look) -> Look:
    """Return the columns with the members of objects as separate columns."""
    if found.options.get("format") not in WITHOUT_HEADER or is_unpivoted(found.options):
        return found
    names = [path_ for c in found.columns for path_ in member_paths(c.name, c.distinct) or [c.name]]
    if names == [c.name for c in found.columns]:
        return found
    return replace(_read(path, name, found.options, names), doubts=found.doubts)


def _unpadded(path: Path, name: str, found: Look, given: Mapping[str, str]) -> Look:
    """Return the columns without blanks around values, if all values of a column have them."""
    if "trim_whitespace" in given or found.options.get("format", "csv") not in (
        "csv",
        "excel",
        "fixed_width",
    ):
        return found
    padded = [column.name for column in found.columns if _is_padded(column)]
    if not padded:
        return found
    doubt = Doubt(
        "trim_whitespace", "blanks around names and values are no part of them",
        f"{', '.join(map(quoted, padded[:3]))} or most of their values have some",
        "blanks that mean something do not reach history; raw keeps them", option_flag("trim_whitespace", "true"),
    )  # fmt: skip
    options = {**found.options, "trim_whitespace": "true"}
    trimmed = _read(path, name, options)
    for column in trimmed.columns:  # staging trims values; the reader trims only names
        column.values = [value.strip(" \t") if value else value for value in column.values]
    return replace(trimmed, options=options, doubts=(*found.doubts, doubt))


def _is_padded(column: Column) -> bool:
    if column.name.strip() and column.name != column.name.strip():
        return True
    padded = sum(value != value.strip() for value in column.distinct)
    return padded > 0 and padded * 100 >= PADDED_PCT * len(column.distinct)
