"""A project and the locations of its parts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

from headwater.home import home
from headwater.metadata.environment import variables
from headwater.metadata.errors import HeadwaterError, ProjectRefused
from headwater.project_file import FILE, ProjectFile, read_project_file, require_version

VARIABLE = "HEADWATER_PROJECT"
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
    def file(self) -> ProjectFile | None:
        """Return the content of its headwater.yml; None if it has none. Raises `ProjectRefused` if it is broken."""
        return read_project_file(self.root)

    @property
    def seeds(self) -> Path:
        """The static metadata."""
        return self.root / "seeds"

    @property
    def models(self) -> Path:
        """The dbt models."""
        return self.root / "models"


def _name_of(root: Path) -> str:
    path = root / MARK
    try:
        return _named(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ProjectRefused(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    except (KeyError, TypeError):
        raise ProjectRefused(f"{path} has no name. Expected name: and that of the project.") from None


@lru_cache(maxsize=64)
def _named(text: str) -> str:  # each DAG and asset asks for it again
    return str(yaml.safe_load(text)["name"])


def find_project() -> Project:
    """Return the project that HEADWATER_PROJECT names, else that of the current folder, else that of this package.

    Raises `HeadwaterError` if there is none, and if its headwater.yml asks for other versions of Headwater.
    """
    project = locate_project()
    if found := project.file:
        require_version(found)
        if found.name != project.name:
            raise ProjectRefused(
                f"{found.path} has the name {found.name}, {project.root / MARK} has {project.name}. Expected the same."
            )
    return project


def locate_project() -> Project:
    """Return the project that `find_project` finds, whatever versions of Headwater it is for."""
    named = variables().get(VARIABLE)
    root = (
        Path(named).resolve() if named else _project_around(Path.cwd()) or Path(__file__).parents[1].resolve()
    )
    if not (root / MARK).is_file():
        where = f"{root} holds" if named else f"{Path.cwd()} and the folders above it hold"
        raise HeadwaterError(
            f"{where} no {MARK}. Expected HEADWATER_PROJECT to name a project's folder, or the command to run in one."
            " `headwater init NAME` makes a new one."
        )
    return Project(root, home(root))


def _project_around(folder: Path) -> Path | None:
    """Return the nearest Headwater project at or above this folder; a plain dbt project is none."""
    return next((path for path in (folder, *folder.parents) if _is_project(path)), None)


def _is_project(folder: Path) -> bool:
    return (folder / FILE).is_file() or all((folder / mark).is_file() for mark in (MARK, SOURCES))
