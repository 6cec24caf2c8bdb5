"""A project without sources, and files to make some of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.project import Project
from tests.pipeline.project import make_project

LIBRARIES = """\
code;Name of it;opened;visits;share %;lent;since;zip
L01;Central Library;01.05.1954;1.234.567;12,5;true;2026-01-05T07:00:00Z;01234
L02;Northgate;12.09.1988;60.000;7,25;false;2026-01-05T07:00:00Z;23456
L03;Harbour;03.03.2001;n/a;;true;2026-01-06T07:00:00Z;34567
L05;Hill;04.04.2004;5.000;1,5;true;2026-01-06T07:00:00Z;00001
L06;Mill;05.05.2005;6;100;true;2026-01-06T07:00:00Z;00002
"""
AS_SNAPSHOT = ("--key", "code", "--owner", "culture", "--data-source", "town_hall", "--schedule", "monthly",
               "--type", "snapshot")  # fmt: skip


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project that HEADWATER_PROJECT names; it knows no source."""
    root = make_project(tmp_path / "town", {}, {})
    monkeypatch.setenv("HEADWATER_PROJECT", str(root))
    before = dict(os.environ)
    yield Project(root, tmp_path / "home")
    for name in set(os.environ) - set(before):  # the command sets variables for its process
        del os.environ[name]


@pytest.fixture
def libraries(tmp_path: Path) -> Path:
    """A delivery of a town's libraries, in German signs."""
    folder = tmp_path / "files"
    folder.mkdir()
    path = folder / "libraries-2026-01-05.csv"
    path.write_text(LIBRARIES, encoding="utf-8")
    return path


def content_of(project: Project) -> dict[str, bytes]:
    """Every file of the seeds and models by its path."""
    folders = (project.seeds, project.models)
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(project.root).as_posix(): path.read_bytes() for path in files}
