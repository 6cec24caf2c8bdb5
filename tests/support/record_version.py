"""Record what a version of Headwater left, as a tar file: project, database, bucket, publisher's folder.

From a checkout of that version, with its environment:

    python /elsewhere/tests/support/record_version.py headwater-0.1.0.tar.gz

The project is that of tests/pipeline/project.py of that version. Two models are edited. Three days of deliveries are
loaded; one is halted and accepted, one is halted and waits, one is withdrawn.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from headwater.extract.landing.store import ObjectStore
from headwater.services.postgres import binaries
from tests.pipeline.project import make_project

CITIES = "City Code,name,people,seen\n"
PRICES = "shop,item,price,gone\n"
RATINGS = "reader,stars\n"
DAYS = (
    {
        "cities/cities-20260105.csv": f"{CITIES}a,Aachen,100,1\nb,Bonn,200,1\nc,Celle,30,1\n",
        "prices/prices-20260105.csv": f"{PRICES}n,1,2.50,\nn,2,9.99,\ns,1,2.40,\n",
        "ratings/ratings-20260105.csv": f"{RATINGS}r1,5\nr2,3\nr2,4\n",
    },
    {
        "cities/cities-20260106.csv": f"{CITIES}a,Aachen,101,2\nb,Bonn,200,2\nd,Dachau,40,2\n",
        "prices/prices-20260106.csv": f"{PRICES}n,1,2.75,\nn,2,,yes\n",
        "ratings/ratings-20260106.csv": f"{RATINGS}r1,1\nr2,4\n,2\n",  # accepted in spite of the row without key
    },
    {
        "cities/cities-20260107.csv": f"{CITIES}a,AACHEN,101,3\nb,Bonn,210,3\nd,Dachau,fourty,3\n",
        "prices/prices-20260107.csv": f"{PRICES}s,1,2.20,\n",  # withdrawn
        "ratings/ratings-20260107.csv": f"{RATINGS}r1,2\n,5\n",  # waits
    },
)
EDITS = {
    "models/staging/town_hall/stg_cities.sql": (
        "{{ headwater.typed('name') }} as", "initcap({{ headwater.typed('name') }}) as",
    ),
    "models/staging/market/stg_prices.sql": ("-- attributes", "-- attributes, in euro"),
}  # fmt: skip
PUBLISHED_AT = 1_767_600_000
DUMP = "database.dump"  # of pg_dump --format custom
LAST = ("ratings-20260106.csv", "prices-20260107.csv")


def record(target: Path) -> None:
    """Write the tar file `target`."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        make_project(place / "project")
        for name, (old, new) in EDITS.items():
            path = place / "project" / name
            text = path.read_text()
            assert old in text, text
            path.write_text(text.replace(old, new))
        variables = dict(
            line.removeprefix("export ").split("=", 1) for line in _headwater(place, "env").splitlines()
        )
        variables = {name: value.strip("'") for name, value in variables.items()}
        try:
            for day in DAYS:
                for name, text in day.items():
                    path = place / "publisher" / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(text)
                    os.utime(path, (PUBLISHED_AT, PUBLISHED_AT))  # whole seconds, which a tar file keeps
                _headwater(place, "run", may_halt=True)
            accepted, withdrawn = (_sqn(variables, name) for name in LAST)
            _headwater(place, "accept", accepted, "--why", "the row without a key is known", may_halt=True)
            _headwater(place, "withdraw", withdrawn, "--why", "a test of the publisher", may_halt=True)
            _headwater(place, "run", may_halt=True)
            os.environ.update(variables)
            kept = ["--format", "custom", "--no-owner", "--no-privileges", "--file", str(place / DUMP)]
            subprocess.run([binaries() / "pg_dump", *kept, variables["PGDATABASE"]], check=True)
            _objects(place)
        finally:
            _headwater(place, "down")
        shutil.rmtree(place / "project" / "target", ignore_errors=True)
        with tarfile.open(target, "w:gz") as tar:
            for name in ("project", "publisher", "objects", DUMP):
                tar.add(place / name, name, filter=_kept)


def _headwater(place: Path, *arguments: str, may_halt: bool = False) -> str:
    environment = {
        **os.environ,
        "HEADWATER_PROJECT": str(place / "project"),
        "HEADWATER_HOME": str(place / "home"),
        "TEST_PUBLISHER_FOLDER": str(place / "publisher"),
    }
    command = [sys.executable, "-m", "headwater.cli", *arguments]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode in ((0, 1, 2, 3) if may_halt else (0,)), (arguments, done.returncode, done.stdout)
    return done.stdout


def _sqn(variables: dict[str, str], name: str) -> str:
    statement = f"select max(delivery_sqn) from metadata.delivery where publisher_name = '{name}'"
    asked = [str(binaries() / "psql"), "-tAc", statement]
    done = subprocess.run(asked, env={**os.environ, **variables}, capture_output=True, text=True, check=True)
    assert done.stdout.strip(), f"no delivery {name}"
    return str(done.stdout).strip()


def _objects(place: Path) -> None:
    """Copy the objects of the bucket to files in objects/, named as their keys."""
    store = ObjectStore.from_environment()
    for key in store.list(""):
        path = place / "objects" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(store.get(key))


def _kept(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    parts = Path(entry.name).parts
    is_link = entry.issym() or entry.islnk()
    return (
        None
        if is_link or {"target", "logs", "dbt_packages", "__pycache__", ".headwater"} & set(parts)
        else entry
    )


if __name__ == "__main__":
    record(Path(sys.argv[1]).resolve())
