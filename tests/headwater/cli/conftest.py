"""A small project that the command is run on, and its publisher."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from headwater.extract.landing.store import ObjectStore
from tests.pipeline.project import FOLDER, make_project
from tests.support.command import ran


@pytest.fixture(scope="session")
def project_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("project") / "town")


@pytest.fixture
def publisher(tmp_path: Path, project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the publisher of a small project, which HEADWATER_PROJECT names."""
    monkeypatch.setenv("HEADWATER_PROJECT", str(project_folder))
    monkeypatch.setenv(FOLDER, str(tmp_path / "publisher"))
    for source in ("cities", "prices", "ratings"):
        (tmp_path / "publisher" / source).mkdir(parents=True)
    before = dict(os.environ)
    yield tmp_path / "publisher"
    for name in set(os.environ) - set(before):  # the command sets variables for its process
        del os.environ[name]


@pytest.fixture
def own_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that the test may change."""
    root = make_project(tmp_path / "own")
    monkeypatch.setenv("HEADWATER_PROJECT", str(root))
    return root


@pytest.fixture
def lossy(publisher: Path, database: Engine, store: ObjectStore) -> None:  # noqa: ARG001
    """Two deliveries of cities in history; a row of the second fell out, and its key is current."""
    header = "City Code,name,people,seen\n"
    (publisher / "cities" / "cities-20260101.csv").write_text(f"{header}a,A,1,x\nb,B,2,x\n")
    ran(0, "run", "cities")
    (publisher / "cities" / "cities-20260102.csv").write_text(f"{header}a,A,=1+1\x1b[31m,x\nb,B,2,x\n")
