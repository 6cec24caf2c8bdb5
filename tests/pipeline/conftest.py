"""A line for each test: a database, a bucket, a publisher's folder. The project is the same for all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine

from extract.store import ObjectStore
from headwater.dbt import Dbt
from headwater.project import Project
from headwater.services import postgres
from headwater.services.home import make_home
from metadata.connection import engine
from tests.conftest import administer, point_to
from tests.pipeline.line import Line
from tests.pipeline.project import FOLDER, HEADERS, make_project

SEEDED = "headwater_template_of_pipeline"
DATABASE = "pipeline"


@pytest.fixture(autouse=True, scope="session")
def _quick_dbt() -> Iterator[None]:
    """dbt asks the whole stack of calls who it is, 15 times a call; below pytest that takes half a second."""
    import dbt_common.behavior_flags as flags

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flags.BehaviorFlagRendered, "_default_source", staticmethod(lambda: "dbt"))
        yield


@pytest.fixture(scope="session")
def project_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, made once: dbt then parses it once and only looks for changes later."""
    return make_project(tmp_path_factory.mktemp("project") / "town")


@pytest.fixture(scope="session")
def template_database(
    template_database: str,
    project_folder: Path,
    postgres_server: postgres.Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """A database that holds the seeds too, as after any run."""
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
    """A fresh database, with the seeds in it; PGHOST, PGPORT, PGUSER and PGDATABASE name it."""
    with fresh_database(postgres_server, template_database, monkeypatch) as made:
        yield made


@contextmanager
def fresh_database(server: postgres.Server, template: str, patch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A fresh database, always of one name: where PGDATABASE changes, dbt parses the whole project anew."""
    administer(server, f"create database {DATABASE} template {template}")
    point_to(server, DATABASE, patch)
    made = engine()
    yield made
    made.dispose()
    administer(server, f"drop database {DATABASE} with (force)")


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
