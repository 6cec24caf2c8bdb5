"""Removals and renamings of sources, on record with who, when and why.

A change touches files, S3 and the database, which no transaction joins. Its row is written before the first of them and
ended after the last, so that a killed command is finished by the same command, and no run loads the source meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from psycopg2.errors import DependentObjectsStillExist
from sqlalchemy import Connection, Engine

from headwater.metadata.errors import HeadwaterError
from headwater.metadata.process.definitions import depending_on
from headwater.metadata.process.deliveries import lock_source
from headwater.metadata.process.events import whoami
from headwater.metadata.process.tables import SCHEMA, job_inst, rebuild, source_change
from headwater.metadata.redaction import redact
from headwater.metadata.storable import storable

_FIELDS = list(source_change.c)


@dataclass(frozen=True)
class SourceChange:
    """A removal or renaming of a source; `ended_at` is None while parts of it are still to do."""

    source_change_id: int
    source: str
    change: str  # removed, renamed
    new_name: str | None
    counts: Mapping[str, int]
    why: str
    who: str
    began_at: datetime
    ended_at: datetime | None

    @property
    def command(self) -> str:
        """The command that finishes it."""
        if self.change == "renamed":
            return f"headwater rename-source {self.source} {self.new_name}"
        return f"headwater remove-source {self.source} --with-data"


def source_size(connection: Connection, source: str) -> dict[str, int]:
    """Return the numbers of deliveries, of their bytes and events, and of the rows of each table of a source."""
    sized: dict[str, int] = connection.execute(
        sa.select(getattr(sa.func, SCHEMA).source_size(source))
    ).scalar_one()
    return sized


def open_change(connection: Connection, name: str) -> SourceChange | None:
    """Return the unfinished change from or to a name, None if there is none."""
    ask = sa.select(*_FIELDS).where(
        source_change.c.ended_at.is_(None),
        sa.or_(source_change.c.source == name, source_change.c.new_name == name),
    )
    row = connection.execute(ask.limit(1)).mappings().one_or_none()
    return SourceChange(**row) if row else None


def last_removal(connection: Connection, name: str) -> SourceChange | None:
    """Return the last finished removal of a source with its data, None if there is none."""
    ask = sa.select(*_FIELDS).where(
        source_change.c.source == name,
        source_change.c.change == "removed",
        source_change.c.ended_at.is_not(None),
    )
    newest = ask.order_by(source_change.c.source_change_id.desc()).limit(1)
    row = connection.execute(newest).mappings().one_or_none()
    return SourceChange(**row) if row else None


def require_no_change(connection: Connection, source: str) -> None:
    """Raise `HeadwaterError` while a removal or renaming of a source is unfinished."""
    if change := open_change(connection, source):
        to = f" to {change.new_name}" if change.new_name else ""
        raise HeadwaterError(
            f"{source}: {change.source} is being {change.change}{to}, by {change.who} since"
            f" {change.began_at:%Y-%m-%d %H:%M} UTC. If that command has ended, finish it: {change.command}"
        )


def begin_change(
    engine: Engine, source: str, change: str, why: str, counts: Mapping[str, int], new_name: str | None = None
) -> SourceChange:
    """Put a change on record before its first step, or return the one that is to be finished.

    Raises `HeadwaterError` while another change, a run or a rebuild of the source is under way.
    """
    with engine.begin() as connection:
        for name in sorted({source, new_name or source}):
            lock_source(connection, name)
        found = open_change(connection, source) or (open_change(connection, new_name) if new_name else None)
        if found is not None:
            if (found.source, found.change, found.new_name) != (source, change, new_name):
                require_no_change(
                    connection, source if source in (found.source, found.new_name) else found.source
                )
            return found
        _require_no_run(connection, source)
        values = {
            "source": source, "change": change, "new_name": new_name, "counts": dict(counts),
            "why": storable(redact(why)), "who": storable(whoami()), "began_at": sa.func.clock_timestamp(),
        }  # fmt: skip
        row = connection.execute(sa.insert(source_change).values(values).returning(*_FIELDS)).mappings().one()
        return SourceChange(**row)


def end_change(connection: Connection, change: SourceChange, counts: Mapping[str, int] | None = None) -> None:
    """Put on record that a change is complete, with what it met."""
    values: dict[str, Any] = {"ended_at": sa.func.clock_timestamp()}
    if counts is not None:
        values["counts"] = {**change.counts, **counts}
    is_this = source_change.c.source_change_id == change.source_change_id
    connection.execute(sa.update(source_change).where(is_this).values(values))


def drop_source(connection: Connection, source: str, models: Mapping[str, str] | None = None) -> None:
    """Drop tables and records of a source, and the tables or views of `models` (name → schema) that read it.

    Raises `HeadwaterError` if something else depends on them.
    """
    quote = connection.dialect.identifier_preparer.quote_identifier
    kind = sa.text("select relkind::text from pg_class where oid = to_regclass(:place)")
    try:
        for name, schema in (models or {}).items():
            place = f"{quote(schema)}.{quote(name)}"
            found = connection.execute(kind, {"place": place}).scalar()
            if found:
                what = {"v": "view", "m": "materialized view"}.get(found, "table")
                connection.exec_driver_sql(f"drop {what} {place}")
        connection.execute(sa.select(getattr(sa.func, SCHEMA).drop_source(source)))
    except sa.exc.InternalError as error:
        if not isinstance(error.orig, DependentObjectsStillExist):
            raise
        raise HeadwaterError(
            f"{source}: {depending_on(error.orig)}. Drop what depends on it first, then run the command again."
        ) from None


def require_source_droppable(engine: Engine, source: str, models: Mapping[str, str]) -> None:
    """Raise `HeadwaterError` if something depends on what `drop_source` drops. Drops nothing."""
    with engine.connect() as connection, connection.begin() as trial:
        try:
            drop_source(connection, source, models)
        finally:
            trial.rollback()


def require_free(connection: Connection, name: str) -> None:
    """Raise `HeadwaterError` if a source of this name has deliveries or rows in its tables."""
    sized = source_size(connection, name)
    if any(sized.values()):
        raise HeadwaterError(
            f"{name} has {sized['deliveries']:,} deliveries and {sized['historical_rows']:,} rows in history already:"
            f" expected another name, or headwater remove-source {name} --with-data first"
        )


def rename_source(connection: Connection, old: str, new: str, renamed_code: Callable[[str], str]) -> None:
    """Give tables and records of a source a new name; `renamed_code` says it in the recorded code of its models.

    The caller holds the locks of both names. Raises `HeadwaterError` unless the new name is free.
    """
    require_free(connection, new)
    connection.execute(sa.select(getattr(sa.func, SCHEMA).drop_source(new)))  # tables without a row
    connection.execute(sa.select(getattr(sa.func, SCHEMA).rename_source(old, new)))
    ask = sa.text("select definition from metadata.source_definition where source = :source")
    recorded = connection.execute(ask, {"source": new}).scalar()
    if recorded is not None:
        renamed = {
            part: _each_text(value, renamed_code) if part.startswith("code of ") else value
            for part, value in recorded.items()
        }
        change = sa.text(
            "update metadata.source_definition set definition = cast(:definition as jsonb) where source = :source"
        )
        connection.execute(change, {"definition": json.dumps(renamed), "source": new})


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {change(name): _each_text(member, change) for name, member in value.items()}
    return change(value) if isinstance(value, str) else value


def _require_no_run(connection: Connection, source: str) -> None:
    running = sa.select(job_inst.c.run_id).where(
        job_inst.c.status == "running", job_inst.c.parameters["sources"].has_key(source)
    )
    rebuilt = sa.select(rebuild.c.source).where(rebuild.c.source == source)
    if run_id := connection.execute(running.limit(1)).scalar():
        raise HeadwaterError(
            f"{source}: the run {run_id} works on it. Expected its end first: headwater runs"
        )
    if connection.execute(rebuilt).scalar():
        raise HeadwaterError(
            f"{source}: a rebuild of it has not ended. Expected its end first: headwater rebuild {source}"
        )
