"""The dirty files of others: the examples of csvkit and of frictionless, and how each is asked for.

csvkit (https://github.com/wireservice/csvkit) and frictionless (https://github.com/frictionlessdata/frictionless-py)
are under the MIT licence. Their source packages come from the package index; nothing of them is kept here.
"""

from __future__ import annotations

import csv
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from headwater.demo.packages import Package, fetch

PACKAGES = {
    "csvkit": Package(
        "csvkit==2.2.0",
        "csvkit-2.2.0.tar.gz",
        "147318a8dbaec07c0bbb9291c14b78de5fa32ed3d4a5c2396e52a83c0a30df6b",
    ),
    "frictionless": Package(
        "frictionless==5.21.0",
        "frictionless-5.21.0.tar.gz",
        "4d9848570bc682943375824a4be7633e8bbdeff228affee763cab346e48000b4",
    ),
}
FOLDERS = {"csvkit": "examples", "frictionless": "data"}
LEFT_OUT = "cassettes"  # recorded HTTP of frictionless' own tests

# by the end of the name, without what packs it
FORMATS = {
    ".csv": {},
    ".csv2k": {},
    ".csvformat": {},
    ".bad": {},
    ".txt": {},
    ".pl": {},
    ".upl": {},
    ".tsv": {"delimiter": "\t"},
    ".json": {"format": "json"},
    ".jsonl": {"format": "ndjson"},
    ".ndjson": {"format": "ndjson"},
    ".xls": {"format": "excel"},
    ".xlsx": {"format": "excel"},
    ".ods": {"format": "excel"},
    ".parq": {"format": "parquet"},
    ".parquet": {"format": "parquet"},
    ".pdf": {},
    ".html": {},
    ".db": {},
    ".dbf": {},
}
PACKED = (".gz", ".bz2", ".xz", ".zip")


@dataclass(frozen=True)
class Asked:
    """A file, and the options with which it is read, for the first time or again."""

    file: str
    path: Path
    options: dict[str, str] = field(default_factory=dict)
    is_again: bool = False


def unpack(folder: Path, say: Callable[[str], None]) -> dict[str, Path]:
    """Fetch both packages into a folder, once, and lay their files out; corpus → where its files are."""
    fetch(folder, say, tuple(PACKAGES.values()))
    found = {}
    for name, package in PACKAGES.items():
        root = folder / package.file.removesuffix(".tar.gz")
        if not root.is_dir():
            with tarfile.open(folder / package.file) as archive:
                archive.extractall(folder, filter="data")
        found[name] = root / FOLDERS[name]
    return found


def asked(folders: dict[str, Path]) -> Iterator[Asked]:
    """Every data file as its name says that it is to be read, then those again that need to be told more."""
    for corpus, folder in folders.items():
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = path.relative_to(folder).as_posix()
            usual = usual_options(name)
            if usual is None or name.startswith(LEFT_OUT):
                continue
            yield Asked(f"{corpus}/{name}", path, usual)
            for more in TOLD.get(f"{corpus}/{name}", ()):
                yield Asked(f"{corpus}/{name}", path, {**usual, **more}, is_again=True)
        for name, make in MADE.get(corpus, {}).items():
            yield Asked(f"{corpus}/{name}", folder / name, make(folder), is_again=True)


def usual_options(name: str) -> dict[str, str] | None:
    """Return what the end of a name says; None for what is no data."""
    lowered = name.lower()
    for ending in PACKED:
        lowered = lowered.removesuffix(ending)
    if lowered.rsplit("/", 1)[-1].startswith("testfixed") and "." not in lowered.rsplit("/", 1)[-1]:
        return {}
    return next((dict(options) for ending, options in FORMATS.items() if lowered.endswith(ending)), None)


def fixed_by(schema: str, *, last_is_open: bool = False, **more: str) -> Callable[[Path], dict[str, str]]:
    """Options of a fixed width, from csvkit's table of columns, whose start counts from 0."""

    def options(folder: Path) -> dict[str, str]:
        with (folder / schema).open(encoding="utf-8", newline="") as file:
            columns = [(row["column"], int(row["start"]), int(row["length"])) for row in csv.DictReader(file)]
        base = min(start for _, start, _ in columns)
        written = [f"{name}:{start - base + 1}-{start - base + length}" for name, start, length in columns]
        if last_is_open:
            written[-1] = written[-1].rpartition("-")[0] + "-"
        return {"format": "fixed_width", "fixed_columns": "|".join(written), **more}

    return options


MADE: dict[str, dict[str, Callable[[Path], dict[str, str]]]] = {
    "csvkit": {
        "testfixed": fixed_by("testfixed_schema.csv", last_is_open=True),
        "testfixed_skip_lines": fixed_by("testfixed_schema.csv", last_is_open=True, first_line="4"),
        "realdata/census_2000/usgeo.upl": fixed_by(
            "realdata/census_2000/census2000_geo_schema.csv", encoding="latin-1"
        ),
        "realdata/census_2000/usgeo_excerpt.upl": fixed_by(
            "realdata/census_2000/census2000_geo_schema.csv", encoding="latin-1"
        ),
    }
}
SEMICOLON = {"delimiter": ";"}
TOLD: dict[str, tuple[dict[str, str], ...]] = {
    "csvkit/test_latin1.csv": ({"encoding": "latin-1"},),
    "csvkit/test_utf16_big.csv": ({"encoding": "utf-16"},),
    "csvkit/test_utf16_little.csv": ({"encoding": "utf-16"},),
    "csvkit/test_skip_lines.csv": ({"header_line": "4"},),
    "csvkit/bad_skip_lines.csv": ({"header_line": "4"},),
    "csvkit/test_skip_lines.xls": ({"header_line": "4"},),
    "csvkit/test_skip_lines.xlsx": ({"header_line": "4"},),
    "csvkit/sheets.xls": ({"sheet": "data"}, {"sheet": "ʤ"}),
    "csvkit/sheets.xlsx": ({"sheet": "data"}, {"sheet": "3"}),
    "csvkit/test_geojson.json": ({"format": "geojson"},),
    "csvkit/realdata/event-notification-rpt-lastmonth.txt": (
        {"delimiter": "|", "quote_char": ""},
        {"delimiter": "|", "quote_char": "", "encoding": "cp1252"},
    ),
    "frictionless/accent.csv": (SEMICOLON,),
    "frictionless/issue-1066.csv": (SEMICOLON,),
    "frictionless/issue-1138.csv": (SEMICOLON,),
    "frictionless/issue-647.csv.txt": ({**SEMICOLON, "encoding": "latin-1"},),
    "frictionless/issue-811.csv": ({**SEMICOLON, "encoding": "latin-1"},),
    "frictionless/latin1.csv": ({"encoding": "latin-1"},),
    "frictionless/table-with-accents.csv": ({**SEMICOLON, "encoding": "latin-1"},),
    "frictionless/table-infer-iso-8859-7.csv": ({"encoding": "iso-8859-7"},),
    "frictionless/matrix-with-comment.csv": ({"header_line": "2"},),
    "frictionless/skip-rows-before-headers.csv": ({"header_line": "2"},),
    "frictionless/skip-rows.csv": ({"header_line": "2"},),
    "frictionless/countries.csv": ({"header_line": "2"},),
    "frictionless/issue-1024.xlsx": ({"header_line": "10", "header_rows": "3"},),
    "frictionless/issue-320.xlsx": ({"header_line": "10", "header_rows": "3"},),
    "frictionless/multiline-headers.xlsx": ({"header_rows": "5"},),
    "frictionless/skip-rows.xlsx": ({"header_line": "2"},),
    "frictionless/sheet2.xls": ({"sheet": "2"},),
    "frictionless/sheet2.xlsx": ({"sheet": "Sheet2"},),
    "frictionless/sheets.xlsx": ({"sheet": "1"}, {"sheet": "Sheet3"}),
    "frictionless/table.xlsx": ({"sheet": "1"},),
    "frictionless/table-with-two-sheets.ods": ({"sheet": "Tabelle2"},),
    "frictionless/table-multiple-files.zip": ({"zip_members": "all"},),
}
