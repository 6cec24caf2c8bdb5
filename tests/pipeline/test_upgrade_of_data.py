"""A project with data of an older version is upgraded: nothing is fetched or built again, and it goes on."""

from __future__ import annotations

import os
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.extract.landing.store import ObjectStore
from headwater.services.postgres import binaries
from tests.conftest import S3Server
from tests.pipeline.project import FOLDER
from tests.pipeline.tables import Contents, contents, difference
from tests.support.command import ran
from tests.support.record_version import DUMP

RECORDED = Path(__file__).with_name("data") / "headwater-0.1.0.tar.gz"
BUCKET = "headwater"  # the addresses on record name it
LAYERS = ("raw", "staging", "historical", "marts")
LEDGER = ("metadata.delivery", "metadata.delivery_event", "metadata.quarantined_row")


@dataclass(frozen=True)
class Old:
    """The project and data that the older version left, where this version finds them."""

    folder: Path
    database: Engine
    store: ObjectStore

    def publish(self, name: str, *lines: str) -> None:
        """Have the publisher leave a file."""
        (self.folder / "publisher" / name).write_text("\n".join(lines) + "\n")

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with self.database.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(statement))]

    def of_layers(self) -> Contents:
        """Return every row of data, and of the ledger what says which deliveries there are and what befell them.

        Rows of before have no hash.
        """
        return {
            table: rows
            for table, rows in contents(self.database, besides=["_row_hash"]).items()
            if table.partition(".")[0] in LAYERS or table in LEDGER
        }

    def objects(self) -> list[str]:
        return sorted(self.store.list(""))


@pytest.fixture
def old(
    tmp_path: Path, empty_database: Engine, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Old]:
    """Restore what was recorded."""
    with tarfile.open(RECORDED) as tar:
        tar.extractall(tmp_path, filter="data")
    options = ["--no-owner", "--exit-on-error", "--dbname", os.environ["PGDATABASE"]]
    subprocess.run([binaries() / "pg_restore", *options, tmp_path / DUMP], check=True)
    for name, value in s3_server.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HEADWATER_BUCKET", BUCKET)
    monkeypatch.setenv("HEADWATER_PROJECT", str(tmp_path / "project"))
    monkeypatch.setenv(FOLDER, str(tmp_path / "publisher"))
    store = ObjectStore.from_environment()
    for key in list(store.list("")):
        store.delete(key)
    objects = tmp_path / "objects"
    for path in (path for path in objects.rglob("*") if path.is_file()):
        store.put_new(str(path.relative_to(objects)), path.read_bytes())
    yield Old(tmp_path, empty_database, store)
    for key in list(store.list("")):
        store.delete(key)


def test_an_upgrade_keeps_history_and_decisions_and_fetches_and_builds_nothing_again(old: Old) -> None:
    before, objects = old.of_layers(), old.objects()
    assert len(before["metadata.delivery"].keys()) == 9
    ran(0, "upgrade")
    assert difference(old.of_layers(), before) == ""
    assert old.objects() == objects
    statuses = (
        "select publisher_name, status from metadata.delivery_state where status <> 'loaded' order by 1"
    )
    waiting = [("prices-20260107.csv", "withdrawn"), ("ratings-20260107.csv", "halted")]
    assert old.query(statuses) == waiting

    ran(0, "run")
    assert difference(old.of_layers(), before) == ""
    assert old.objects() == objects
    ran(0, "verify")


def test_an_upgraded_project_goes_on_with_deliveries_and_decisions_of_before(old: Old) -> None:
    ran(0, "upgrade")
    halted, withdrawn = (
        str(old.query(f"select delivery_sqn from metadata.delivery where publisher_name = '{name}'")[0][0])
        for name in ("ratings-20260107.csv", "prices-20260107.csv")
    )
    ran(0, "accept", halted, "--why", "the row without a key is known")
    ran(0, "restore", withdrawn, "--why", "it was right")
    old.publish("cities/cities-20260108.csv", "City Code,name,people,seen", "a,aachen,102,4", "b,Bonn,210,4")
    ran(0, "run")
    current = "select city, name, people from historical.cities where valid_to is null order by city"
    assert old.query(current) == [("a", "Aachen", 102), ("b", "Bonn", 210)]
    versions = "select count(*) from historical.cities where city = 'a'"
    assert old.query(versions) == [(3,)], (
        "a name in other letters is the same to the edited model, before and after"
    )
    assert old.query("select reader, stars from historical.ratings where valid_to is null order by 1") == [
        ("r1", 2)
    ]
    price = "select price from historical.prices where shop = 's' and valid_to is null"
    assert old.query(price) == [(Decimal("2.20"),)]
    ran(0, "verify")
    before = old.of_layers()
    ran(0, "rebuild")
    assert difference(old.of_layers(), before) == ""
