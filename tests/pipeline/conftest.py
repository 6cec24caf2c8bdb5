"""A line for each test: a database, a bucket, a publisher's folder. The project is the same for all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from headwater.dbt_project.dbt import Dbt
from headwater.extract.landing.store import ObjectStore
from headwater.home import make_home
from headwater.metadata.connection import engine
from headwater.project import Project
from headwater.services import postgres
from tests.conftest import S3Server, TestServers, administer, fresh_database, point_to
from tests.pipeline.engineer import Engineer
from tests.pipeline.line import Line
from tests.pipeline.project import FOLDER, HEADERS, make_project
from tests.pipeline.starter import Starter
from tests.pipeline.world import World, start_safe_postgres

SEEDED = "headwater_template_of_pipeline"
DATABASE = "pipeline"


@pytest.fixture(scope="session")
def project_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, made once: dbt then reads it once."""
    return make_project(tmp_path_factory.mktemp("project") / "town")


@pytest.fixture(scope="session")
def template_database(
    template_database: str,
    project_folder: Path,
    postgres_server: postgres.Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """A database that holds the seeds too, as after any run."""
    # A folder of tests that borrows this fixture makes it once more, and the same: other databases are copies.
    administer(postgres_server, f"drop database if exists {SEEDED}")
    administer(postgres_server, f"create database {SEEDED} template {template_database}")
    with pytest.MonkeyPatch.context() as patch:
        point_to(postgres_server, SEEDED, patch)
        made = engine()
        assert Dbt(project_folder, tmp_path_factory.mktemp("home"), "seeds").load_seeds(made)
        made.dispose()
    return SEEDED


@pytest.fixture
def database(
    template_database: str, postgres_server: postgres.Server, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Engine]:
    """A fresh database with the seeds in it, always of one name: where that changes, dbt parses all anew."""
    with fresh_database(postgres_server, DATABASE, template_database, monkeypatch) as made:
        yield made


@pytest.fixture
def publisher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The publisher's folder, with nothing in it."""
    folder = tmp_path / "publisher"
    for source in HEADERS:
        (folder / source).mkdir(parents=True)
    monkeypatch.setenv(FOLDER, str(folder))
    return folder


@pytest.fixture
def line(project_folder: Path, database: Engine, store: ObjectStore, publisher: Path) -> Line:
    """A line on which nothing was delivered yet."""
    return Line(Project(project_folder, make_home(project_folder)), publisher, database, store)


@pytest.fixture
def engineer(line: Line, tmp_path: Path) -> Engineer:
    """One who edits models of `cities`, in a project like that of the line."""
    return Engineer(tmp_path / "own", line)


@pytest.fixture(scope="session")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    """The process that starts `headwater` commands."""
    with Starter(tmp_path_factory.mktemp("commands")) as started:
        yield started


@pytest.fixture(scope="session")
def _world(
    postgres_server: postgres.Server,
    servers: TestServers,
    s3_server: S3Server,
    starter: Starter,
    tmp_path_factory: pytest.TempPathFactory,
) -> World:
    with pytest.MonkeyPatch.context() as patch:
        return World(tmp_path_factory.mktemp("world"), postgres_server, servers, s3_server, starter, patch)


@pytest.fixture
def world(_world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The cut-down demo on the session's Postgres; the environment names its servers."""
    return _world.told_to(monkeypatch)


@pytest.fixture(scope="session")
def _safe_world(
    servers: TestServers,
    s3_server: S3Server,
    starter: Starter,
    tmp_path_factory: pytest.TempPathFactory,
) -> World:
    server = start_safe_postgres(servers)
    with pytest.MonkeyPatch.context() as patch:
        return World(tmp_path_factory.mktemp("safe_world"), server, servers, s3_server, starter, patch)


@pytest.fixture
def safe_world(_safe_world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The cut-down demo on a Postgres of its own, which may be killed."""
    return _safe_world.told_to(monkeypatch)
