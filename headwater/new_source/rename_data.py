"""Renaming of what is loaded of a source: its tables and records in one transaction, its manifests and events on S3."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from sqlalchemy import Engine

from headwater.extract.landing.source_archive import copy_facts, delete_facts
from headwater.extract.landing.store import ObjectStore
from headwater.metadata.process.deliveries import lock_source
from headwater.metadata.process.orphaned_runs import close_abandoned
from headwater.metadata.process.source_changes import (
    SourceChange,
    begin_change,
    end_change,
    open_change,
    rename_source,
    require_free,
    source_size,
)
from headwater.new_source.rename import Renaming, plan_renaming, rename, renamed_text
from headwater.project import Project


def plan_or_resume(
    project: Project, engine: Engine, old: str, new: str
) -> tuple[Renaming, SourceChange | None]:
    """Return the changes of files, and the renaming that was killed, None if there is none.

    Raises as `plan_renaming` does.
    """
    with engine.connect() as connection:
        found = open_change(connection, old)
    resumed = found if found and (found.source, found.new_name) == (old, new) else None
    return plan_renaming(project, old, new, is_resumed=resumed is not None), resumed


def rename_with_data(
    project: Project,
    engine: Engine,
    store: ObjectStore,
    renaming: Renaming,
    old: str,
    new: str,
    why: str,
) -> Mapping[str, int]:
    """Rename a source everywhere; return the numbers on record. History stays what it is, row by row.

    Manifests and events, which say the name, are written below the new one before the transaction of the database, and
    deleted below the old one after it. Landed objects keep their keys. Killed anywhere, the same command goes on.
    Raises `HeadwaterError` before the first change if a run works on the source or the new name is taken.
    """
    close_abandoned(engine)
    with engine.connect() as connection:
        counts = source_size(connection, old)
        if open_change(connection, old) is None:
            require_free(connection, new)
    change = begin_change(engine, old, "renamed", why, counts, new)
    rename(project, renaming)
    with engine.begin() as connection:
        for name in sorted((old, new)):
            lock_source(connection, name)
        copy_facts(store, old, new)
        if any(source_size(connection, old).values()):
            rename_source(connection, old, new, partial(renamed_text, old=old, new=new))
    delete_facts(store, old, new)
    with engine.begin() as connection:
        end_change(connection, change)
    return change.counts
