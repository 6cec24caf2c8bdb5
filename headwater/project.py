"""A project and the places of its parts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from headwater.home import home
from headwater.metadata.errors import HeadwaterError

MARK, SOURCES = "dbt_project.yml", "seeds/source.csv"


@dataclass(frozen=True)
class Project:
    """A Headwater project: its folder, and its working folder."""

    root: Path
    home: Path

    @property
    def name(self) -> str:
        """The project's name, as dbt has it."""
        return _name_of(self.root)

    @property
    def seeds(self) -> Path:
        """The static metadata."""
        return self.root / "seeds"

    @property
    def models(self) -> Path:
        """The dbt models."""
        return self.root / "models"


@cache
def _name_of(root: Path) -> str:
    return str(yaml.safe_load((root / MARK).read_text(encoding="utf-8"))["name"])


def find_project() -> Project:
    """The project that HEADWATER_PROJECT names, else that of the current folder, else the one this package lies in.

    Raises `HeadwaterError` where there is none.
    """
    named = os.environ.get("HEADWATER_PROJECT")
    root = (
        Path(named).resolve() if named else _project_around(Path.cwd()) or Path(__file__).parents[1].resolve()
    )
    if not (root / MARK).is_file():
        where = f"{root} holds" if named else f"{Path.cwd()} and the folders above it hold"
        raise HeadwaterError(
            f"{where} no {MARK}. Expected HEADWATER_PROJECT to name a project's folder, or the command to run in one."
        )
    return Project(root, home(root))


def _project_around(folder: Path) -> Path | None:
    """The nearest folder, of this one and those above it, that is a Headwater project; a dbt project alone is none."""
    return next(
        (
            path
            for path in (folder, *folder.parents)
            if all((path / mark).is_file() for mark in (MARK, SOURCES))
        ),
        None,
    )
