"""The whole line for files that are no CSV: from what a publisher leaves to history and its counts."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from headwater.home import make_home
from headwater.project import Project
from tests.pipeline.line import Line, cities, ratings
from tests.pipeline.project import SEEDS, make_project
from tests.support.history_oracle import Delivery

CHANGED = {
    "attribute": (
        ("cities,City Code,city", "cities,code,city"),
        ("cities,name,name,text,", "cities,names.de,name,text,"),
        ("cities,people,people,integer,,", "cities,people,people,integer,1.234,"),
        ("ratings,reader,reader", "ratings,Reader Name,reader"),
    ),
    "source_attribute": (
        (r"cities-(?P<date>\d{8})\w*\.csv$", r"cities-(?P<date>\d{8})\.zip$"),
        (r"ratings-(?P<date>\d{8})\w*\.csv$", r"ratings-(?P<date>\d{8})\.xlsx(\.gz)?$"),
    ),
}
OPTIONS = """\
cities,format,json,
cities,record_path,page.items,
cities,zip_members,all,
ratings,format,excel,
ratings,header_rows,2,
ratings,sheet,Stars,
"""


@pytest.fixture
def formats(line: Line, tmp_path: Path) -> Line:
    """The line, its cities published as pages of JSON in a ZIP, its ratings as a workbook."""
    seeds = dict(SEEDS)
    for table, changes in CHANGED.items():
        for old, new in changes:
            assert seeds[table].count(old) == 1
            seeds[table] = seeds[table].replace(old, new)
    seeds["source_attribute"] += OPTIONS
    folder = make_project(tmp_path / "formats", seeds)
    return Line(Project(folder, make_home(folder)), line.publisher, line.database, line.store)


def dotted(number: int | None) -> str | None:
    return None if number is None else f"{number:,}".replace(",", ".")


def as_pages(line: Line, delivery: Delivery, name: str, size: int = 2) -> Delivery:
    """The cities of a delivery as pages of some records each."""
    records = [
        {"code": key[0], "names": {"de": row[0], "fr": "x"}, "people": dotted(row[1]), "seen": name}
        for key, row in delivery.rows.items()
    ]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for page, start in enumerate(range(0, len(records), size), 1):
            content = {"page": {"number": page, "items": records[start : start + size]}}
            archive.writestr(f"page-{page:06}.json", json.dumps(content))
    (line.publisher / "cities" / name).write_bytes(buffer.getvalue())
    return delivery


def as_workbook(line: Line, delivery: Delivery, name: str) -> Delivery:
    """The ratings of a delivery as a workbook of two sheets."""
    book = openpyxl.Workbook()
    book.create_sheet("Notes")
    sheet = book.create_sheet("Stars")
    lines: list[list[Any]] = [["Reader", "stars"], ["Name", None]]
    for row in [*lines, *([key[0], *row] for key, row in delivery.rows.items())]:
        sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    content = gzip.compress(buffer.getvalue()) if name.endswith(".gz") else buffer.getvalue()
    (line.publisher / "ratings" / name).write_bytes(content)
    return delivery


def published(delivery: Delivery, name: str) -> Delivery:
    """The same delivery under the name that its file has."""
    return replace(delivery, name=name)


def test_pages_of_json_and_workbooks_come_to_the_same_history_as_any_file(formats: Line) -> None:
    many = {f"c{n}": (f"City {n}", 1234 * n) for n in range(5)}
    first = published(cities(1, {"a": ("A", 1_000_000), "b": ("B", None), **many}), "cities-20260101.zip")
    second = published(cities(2, {"a": ("A", 1_000_001), "c0": ("Zéro", 0)}), "cities-20260102.zip")
    stars = [
        published(ratings(1, {"eve": (5,), "bob": (None,)}), "ratings-20260101.xlsx"),
        published(ratings(2, {"eve": (4,), "ann": (1,)}), "ratings-20260102.xlsx.gz"),
    ]
    for delivery in (first, second):
        as_pages(formats, delivery, delivery.name)
    for delivery in stars:
        as_workbook(formats, delivery, delivery.name)

    formats.ran_well("cities", "ratings")
    formats.assert_history("cities", first, second)
    formats.assert_history("ratings", *stars)
    assert formats.query(
        "select line_number, _rest from raw.cities order by delivery_sqn, line_number limit 2"
    ) == [(1, {"names.fr": "x"}), (2, {"names.fr": "x"})]

    before = formats.contents()
    again = formats.ran_well("cities", "ratings")
    assert [(s.landed, s.loaded) for s in again.sources] == [(0, 0)] * 2
    assert formats.contents() == before


def test_a_page_that_is_cut_off_halts_its_delivery_and_the_next_one_goes_on(formats: Line) -> None:
    broken = formats.publisher / "cities" / "cities-20260101.zip"
    with zipfile.ZipFile(broken, "w") as archive:
        archive.writestr("page-000001.json", '{"page":{"items":[{"code":"a","people":"1"}]}}')
        archive.writestr("page-000002.json", '{"page":{"items":[{"code":"b"},\n{"code":')
    good = published(cities(2, {"a": ("A", 1)}), "cities-20260102.zip")
    as_pages(formats, good, good.name)
    result = formats.run("cities")
    assert result.exit_code == 3
    [(why,)] = formats.query("select why from metadata.delivery_event where event = 'halted'")
    assert why == (
        "cities-20260101.zip/page-000002.json:2: cut off: the file ends in the value that begins here"
    )
    formats.assert_history("cities", good)
