"""A project whose servers a test starts, and which are stopped after it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater import services
from headwater.services import postgres


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder as the first start leaves it: making one takes longer than most tests do."""
    folder = tmp_path_factory.mktemp("first")
    postgres.stop_server(postgres.start(folder / "pg", folder / "log").process)
    return folder / "pg" / "cluster"


@pytest.fixture
def empty_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project without demo connections. What it starts is stopped; what it sets in os.environ is undone."""
    monkeypatch.setattr(postgres, "SETTINGS", {**postgres.SETTINGS, "fsync": "off"})
    folder = tmp_path / "project"
    folder.mkdir()
    before = dict(os.environ)
    yield folder
    services.down(folder)
    for name in set(os.environ) - set(before):
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture
def project(empty_project: Path, cluster: Path) -> Path:
    """The same, its Postgres made but not started."""
    shutil.copytree(cluster, services.home(empty_project) / "pg" / "cluster")
    return empty_project
