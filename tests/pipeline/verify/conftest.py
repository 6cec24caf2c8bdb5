"""A delivered project, made once; every test gets a copy of its database and its bucket."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from headwater.extract.landing.store import ObjectStore
from headwater.home import make_home
from headwater.pipeline import decide
from headwater.project import Project
from headwater.services import postgres
from tests.conftest import S3Server, TestServers, administer, fresh_database
from tests.pipeline.conftest import DATABASE
from tests.pipeline.line import Line, cities, prices, ratings
from tests.pipeline.project import FOLDER, HEADERS
from tests.pipeline.verify.verified import Verified
from tests.support.history_oracle import Delivery

DELIVERED = "headwater_template_of_verify"
BUCKET = "verify"


@dataclass(frozen=True)
class Delivered:
    """The deliveries that count, by source, and the place of the bucket and of its copy."""

    counting: dict[str, list[Delivery]]
    bucket: Path
    saved: Path


def deliver(line: Line) -> dict[str, list[Delivery]]:
    """Deliver all that a source may meet; return the deliveries that count."""
    first = line.deliver("cities", cities(1, {"a": ("A", 1), "b": ("B", 1), "c": ("C", 1)}))
    second = line.deliver("cities", cities(2, {"a": ("A", 2), "d": ("D", 1)}, unreadable=["b"]), "b,B,many,")
    third = line.deliver("cities", cities(3, {"a": ("A", 3), "c": ("C", 1)}))
    halted = line.deliver("cities", cities(4, {"a": ("A", 9)}), "a,A,10,")
    accepted = line.deliver("cities", cities(5, {"a": ("A", 2), "b": ("B", 3)}), "b,B,4,cities-20260105.csv")
    last = line.deliver("cities", cities(6, {"a": ("A", 2), "b": ("B", 4), "e": ("E", None)}))
    its_prices = [
        line.deliver("prices", prices(1, {("x", 1): (1,), ("x", 2): (2,), ("y", 1): (3,), ("z", 1): (4,)})),
        line.deliver("prices", prices(2, {("x", 1): (5,)}, [("x", 2)])),
        line.deliver("prices", prices(3, {("x", 2): (7,), ("y", 1): (3,), ("z", 1): (4,)})),
    ]
    its_ratings = line.deliver("ratings", ratings(1, {"r": (5,), "s": (0,)}))
    line.run()
    for decision, delivery in (("withdraw", third), ("accept", accepted)):
        decide.decide(line.project, decision, line.sqn(delivery.name), "a test", line.messages.append)
    assert line.status(halted.name) == "halted"
    won = cities(5, {"a": ("A", 2), "b": ("B", 4)})
    return {"cities": [first, second, won, last], "prices": its_prices, "ratings": [its_ratings]}


@pytest.fixture(scope="package")
def delivered(
    project_folder: Path, template_database: str, postgres_server: postgres.Server, servers: TestServers,
    s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Delivered]:  # fmt: skip
    """Make the delivered project."""
    folder = tmp_path_factory.mktemp("verify")
    bucket, saved = servers.folder / "s3" / BUCKET, folder / "saved"
    with pytest.MonkeyPatch.context() as patch:
        _point_to_bucket(s3_server, patch)
        patch.setenv(FOLDER, str(folder / "publisher"))
        patch.setenv("HEADWATER_HOME", str(folder / "home"))
        with fresh_database(postgres_server, DATABASE, template_database, patch) as database:
            project = Project(project_folder, make_home(project_folder))
            line = Line(project, folder / "publisher", database, ObjectStore.from_environment())
            for source in HEADERS:
                (line.publisher / source).mkdir(parents=True)
            counting = deliver(line)
            for source, deliveries in counting.items():
                line.assert_history(source, *deliveries)
            database.dispose()
            end_sessions = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname"
            administer(postgres_server, f"{end_sessions} = '{DATABASE}'")  # engines of runs keep some
            administer(postgres_server, f"create database {DELIVERED} template {DATABASE}")
    shutil.copytree(bucket, saved)
    yield Delivered(counting, bucket, saved)
    administer(postgres_server, f"drop database {DELIVERED}")


@pytest.fixture
def verified(
    delivered: Delivered, project_folder: Path, postgres_server: postgres.Server, s3_server: S3Server,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Verified]:  # fmt: skip
    """A copy of the delivered project, to be damaged and verified."""
    shutil.rmtree(delivered.bucket)
    shutil.copytree(delivered.saved, delivered.bucket)
    _point_to_bucket(s3_server, monkeypatch)
    monkeypatch.setenv(FOLDER, str(tmp_path / "publisher"))
    with fresh_database(postgres_server, DATABASE, DELIVERED, monkeypatch) as database:
        project = Project(project_folder, make_home(project_folder))
        line = Line(project, tmp_path / "publisher", database, ObjectStore.from_environment())
        for source in HEADERS:
            (line.publisher / source).mkdir(parents=True)
        yield Verified(line, delivered.counting)


def _point_to_bucket(s3_server: S3Server, patch: pytest.MonkeyPatch) -> None:
    for name, value in s3_server.variables.items():
        patch.setenv(name, value)
    patch.setenv("HEADWATER_BUCKET", BUCKET)
