"""Removal of what is loaded of a source: tables, records of its deliveries, pages, and objects on S3."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from headwater.checks.data_docs import FOLDER as PAGES
from headwater.extract.landing.source_archive import archived_keys, delete_keys
from headwater.extract.landing.store import ObjectStore
from headwater.metadata.errors import NewSourceRefused
from headwater.metadata.failures import FAILURES, failure_of
from headwater.metadata.process.deliveries import lock_source
from headwater.metadata.process.orphaned_runs import close_abandoned
from headwater.metadata.process.source_changes import (
    SourceChange,
    begin_change,
    drop_source,
    end_change,
    last_removal,
    open_change,
    require_source_droppable,
    source_size,
)
from headwater.metadata.process.tables import delivery
from headwater.metadata.static.naming import SAFE_NAME
from headwater.new_source.remove import Removal, plan_left_removal, plan_removal, remove
from headwater.pipeline.preparation import open_database
from headwater.project import Project

MARTS = "marts"  # the schema of models that read history


@dataclass(frozen=True)
class DataRemoval:
    """The data of a source, counted: rows by table, deliveries, bytes, events, objects on S3.

    `unfinished` is a removal that was killed; its numbers are those of the beginning. `finished` is the last one.
    """

    name: str
    counts: Mapping[str, int]
    unfinished: SourceChange | None
    finished: SourceChange | None

    @property
    def is_empty(self) -> bool:
        """True if there is nothing to remove any more."""
        return not any(self.counts.values()) and self.unfinished is None


def plan_data_removal(engine: Engine, store: ObjectStore, name: str) -> DataRemoval:
    """Return what would go. Raises `NewSourceRefused` if the name is none."""
    if not SAFE_NAME.fullmatch(name):
        raise NewSourceRefused(f"{name} is no name of a source, expected one of seeds/source.csv")
    with engine.connect() as connection:
        found = open_change(connection, name)
        counts = {**source_size(connection, name), "objects": len(_keys(connection, store, name))}
        unfinished = found if found and (found.source, found.change) == (name, "removed") else None
        if unfinished:
            counts = dict(unfinished.counts)
        return DataRemoval(name, counts, unfinished, last_removal(connection, name))


def remove_with_data(
    project: Project,
    engine: Engine,
    store: ObjectStore,
    removal: Removal | None,
    planned: DataRemoval,
    why: str,
    also: Sequence[str] = (),
) -> Mapping[str, int]:
    """Remove the files of a source, then its objects, then its tables and records; return the numbers on record.

    `also` are the marts that go with it; files of them may be gone already. The record is written first: a killed
    removal blocks runs of the source until the same command finishes it. Raises `HeadwaterError` before anything is
    removed if a run works on the source or something depends on its tables.
    """
    name = planned.name
    models = dict.fromkeys(also, MARTS)
    close_abandoned(engine)
    require_source_droppable(engine, name, models)
    counts = {**planned.counts, "seed_rows": sum(map(len, removal.rows.values())) if removal else 0}
    change = begin_change(engine, name, "removed", why, counts)
    if removal is not None:
        remove(project, removal)
    with engine.begin() as connection:
        lock_source(connection, name)
        delete_keys(store, _keys(connection, store, name))
        drop_source(connection, name, models)
        shutil.rmtree(project.home / PAGES / name, ignore_errors=True)
        end_change(connection, change)
    return change.counts


def data_before(project: Project, name: str) -> DataRemoval:
    """Return what the database and S3 have of a name before a source of that name is written."""
    engine, store = open_database(project), ObjectStore.from_environment()
    return plan_data_removal(engine, store, name)


def take_back(project: Project, name: str, before: DataRemoval) -> str | None:
    """Remove a source whose first load failed; return why data is left, None if none is.

    What was loaded goes only if there was nothing `before`: the data of a source that was removed without its data has
    the same name and place.
    """
    if not before.is_empty:
        _remove_files(project, name)
        return f"there was data of {name} before it"
    try:
        engine, store = open_database(project), ObjectStore.from_environment()
        planned = plan_data_removal(engine, store, name)
        remove_with_data(
            project, engine, store, plan_removal(project, name), planned, "its first load failed"
        )
    except FAILURES as error:
        _remove_files(project, name)
        return f"{failure_of(error)}. Remove it by headwater remove-source {name} --with-data"
    return None


def _remove_files(project: Project, name: str) -> None:
    if removal := plan_left_removal(project, name, (), is_needed=False):
        remove(project, removal)


def _keys(connection: Connection, store: ObjectStore, name: str) -> list[str]:
    """Return the keys of a source on S3."""
    filename = delivery.c.delivery_filename
    addresses: Sequence[str] = connection.scalars(sa.select(filename).where(delivery.c.source == name)).all()
    below = sa.func.starts_with(filename, store.address(f"landed/{name}/"))
    foreign: Sequence[str] = connection.scalars(
        sa.select(filename).where(delivery.c.source != name, below)
    ).all()
    return archived_keys(store, name, addresses, foreign)
