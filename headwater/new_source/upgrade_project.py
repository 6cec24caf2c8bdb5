"""The upgrade of a project to this version of Headwater: its seeds, generated files, database and version range.

Each part is whole or not done, and the version range comes last: a killed upgrade is taken up by the next one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version
from sqlalchemy import Engine

import headwater
from headwater.dbt_project.generate import GeneratedFile, generated_files, stale_files, write_files
from headwater.extract.schema.definition import recorded_definition
from headwater.metadata.process.definitions import changed
from headwater.metadata.process.migrate import PendingMigrations, pending
from headwater.metadata.process.migrate import upgrade as migrate
from headwater.metadata.static.read import read_catalog
from headwater.metadata.static.schema import TABLES
from headwater.new_source.upgrade import Upgrade, plan_upgrade
from headwater.new_source.upgrade import upgrade as upgrade_seeds
from headwater.new_source.write import Change, apply, with_columns
from headwater.project import Project
from headwater.project_file import FILE, require_version

_RANGE = re.compile(r"^requires_headwater:.*$", re.MULTILINE)


@dataclass(frozen=True)
class ProjectUpgrade:
    """The changes of an upgrade, and what a person has to look at."""

    seeds: Upgrade
    new_columns: tuple[Change, ...]  # headers that get the columns that came since
    stale: tuple[GeneratedFile, ...]
    database: PendingMigrations
    project_file: Change | None
    look_at: tuple[str, ...]

    @property
    def is_done(self) -> bool:
        """True if there is nothing to change."""
        lacks = self.database.migrations or self.database.has_other_functions
        return not (self.seeds.changes or self.new_columns or self.stale or lacks or self.project_file)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that change."""
        changes = [
            *self.seeds.changes,
            *self.new_columns,
            *([self.project_file] if self.project_file else []),
        ]
        return tuple(
            dict.fromkeys([*(change.path for change in changes), *(file.path for file in self.stale)])
        )


def plan_project_upgrade(project: Project, engine: Engine) -> ProjectUpgrade:
    """Return what an upgrade to this version would do; writes nothing.

    Raises `ProjectRefused` or `DatabaseRefused` if project or database are of a newer version, `MetadataInvalid` if the
    seeds are not valid.
    """
    if (found := project.file) and found.is_newer_than(headwater.__version__):
        require_version(found)
    seeds = plan_upgrade(project)
    lacking = list(_new_columns(project, seeds))
    catalog = read_catalog(project.seeds)
    return ProjectUpgrade(
        seeds=seeds,
        new_columns=tuple(lacking),
        stale=tuple(stale_files(generated_files(catalog.sources.values(), project.models))),
        database=pending(engine),
        project_file=_project_file(project),
        look_at=(*_undescribed(project), *_pinned(project)),
    )


def upgrade_project(project: Project, engine: Engine, planned: ProjectUpgrade) -> tuple[str, ...]:
    """Do what was planned, and return all that a person has to look at.

    Raises `DatabaseRefused` if a user's view prevents a migration, `NewSourceRefused` if a file has changed meanwhile.
    """
    migrate(engine)
    upgrade_seeds(planned.seeds)
    apply(planned.new_columns)
    write_files(planned.stale)
    if planned.project_file:
        apply([planned.project_file])
    return (*planned.look_at, *_redefined(project, engine))


def version_range(version: str) -> str:
    """Return the versions that may run a project of this one: until the next that may need an upgrade."""
    release = Version(version)
    return f">={release.major}.{release.minor},<{release.major}.{release.minor + 1}"


def _project_file(project: Project) -> Change | None:
    """Return the change of headwater.yml, which a project of before 0.2 has not; None if it allows this version."""
    path = project.root / FILE
    wanted = f'requires_headwater: "{version_range(headwater.__version__)}"'
    found = project.file
    if found is None:
        text = f"# Versions of Headwater that may run this project.\nname: {project.name}\n{wanted}\n"
        return Change(path, None, text.encode())
    if found.allows(headwater.__version__):
        return None
    before = path.read_text(encoding="utf-8")
    return Change(path, before.encode(), _RANGE.sub(wanted, before).encode())


def _new_columns(project: Project, seeds: Upgrade) -> Iterator[Change]:
    """Yield the CSV files with the columns that they lack and `_seeds.yml` describes, at the end of their headers."""
    described = _described_columns(project)
    changed_before = {change.path: change.after for change in seeds.changes}
    for name, table in TABLES.items():
        path = project.seeds / f"{name}.csv"
        before = changed_before.get(path) or (path.read_bytes() if path.exists() else None)
        if before is None:
            continue
        known = [column for column in table.current_names if column in described.get(name, ())]
        after = with_columns(before, [dict.fromkeys(known, "new")])
        if after != before:
            yield Change(path, before, after)


def _described_columns(project: Project) -> dict[str, Sequence[str]]:
    """Return table → the columns that the YAML files of seeds give a type."""
    described: dict[str, Sequence[str]] = {}
    for path in sorted(project.seeds.glob("*.yml")):
        for seed in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("seeds", ()):
            described[seed["name"]] = tuple(seed.get("config", {}).get("column_types", {}))
    return described


def _pinned(project: Project) -> Iterator[str]:
    """Yield what pyproject.toml asks for of Headwater that this version is not."""
    path = project.root / "pyproject.toml"
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8")).get("project", {})
        listed = [content.get("dependencies", []), *content.get("optional-dependencies", {}).values()]
        wanted = [Requirement(one) for one in dict.fromkeys(one for part in listed for one in part)]
    except (
        OSError,
        UnicodeDecodeError,
        tomllib.TOMLDecodeError,
        InvalidRequirement,
        AttributeError,
        TypeError,
    ):
        return  # whoever installs the project is told
    for one in wanted:
        if one.name == "headwater" and not one.specifier.contains(headwater.__version__, prereleases=True):
            yield f"pyproject.toml asks for {one}, expected headwater=={headwater.__version__}"


def _undescribed(project: Project) -> Iterator[str]:
    """Yield the columns of the metadata of which dbt has no type in this project."""
    described = _described_columns(project)
    for name, table in TABLES.items():
        if lacking := [column for column in table.current_names if column not in described.get(name, ())]:
            yield (
                f"seeds/_seeds.yml says nothing of {name}: {', '.join(lacking)}. Take these from the file of a new"
                " project, or dbt guesses their types"
            )


def _redefined(project: Project, engine: Engine) -> Iterator[str]:
    """Yield the sources whose tables were made with another definition."""
    with engine.connect() as connection:
        for source in read_catalog(project.seeds).sources.values():
            if message := changed(connection, source.name, recorded_definition(source)):
                yield message
