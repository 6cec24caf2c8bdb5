"""Functions and views of process metadata: a file each in `sql/`, which replaces what a database has when it changes.

Tables are made by migrations, which run first. Of each file the database keeps the digest of the text that it applied.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, ProgrammingError

from headwater.metadata.errors import DatabaseRefused
from headwater.metadata.process.tables import SCHEMA, sql_object

FOLDER = Path(__file__).parent / "sql"
_MENTIONED = re.compile(rf"\b{SCHEMA}\.([a-z_]+)")
_IS_DEPENDED_ON = "2BP01"  # dependent_objects_still_exist


@cache
def sql_files() -> Mapping[str, str]:
    """Return the name of each function or view → the statements that make it, what others need before them."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.sql"))}
    mentioned = {name: texts.keys() & set(_MENTIONED.findall(text)) - {name} for name, text in texts.items()}
    return {name: texts[name] for name in TopologicalSorter(mentioned).static_order()}


def are_newest(connection: Connection) -> bool:
    """Return whether a database whose migrations are all applied has the functions and views of all files,
    and no others."""
    return _applied(connection) == _digests()


def replace_changed(connection: Connection) -> None:
    """Make the functions and views whose files have changed, and drop those whose files are gone.

    What Postgres cannot replace, since its columns or parameters are others, is dropped and made again. Raises
    `DatabaseRefused` where something of a user's depends on it. The caller holds the lock of migrations.
    """
    applied, wanted, files = _applied(connection), _digests(), sql_files()
    changed = [name for name in files if applied.get(name) != wanted[name]]
    try:
        with connection.begin_nested():
            _make(connection, changed)
            _drop(connection, applied.keys() - wanted.keys())
            if overloaded := _overloaded(connection, changed):
                raise _NotReplaceableError(overloaded)
    except (ProgrammingError, _NotReplaceableError):
        _drop(connection, applied.keys() | wanted.keys())
        _make(connection, files)
    gone = sql_object.c.name.not_in(wanted) | sql_object.c.name.in_(changed)
    connection.execute(sa.delete(sql_object).where(gone))
    if changed:
        rows = [{"name": name, "content_sha256": wanted[name]} for name in changed]
        connection.execute(sa.insert(sql_object), rows)


class _NotReplaceableError(Exception):
    """A function has other parameters than before, so the old one is still there beside it."""


def _digests() -> dict[str, str]:
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in sql_files().items()}


def _applied(connection: Connection) -> dict[str, str]:
    return {row.name: row.content_sha256 for row in connection.execute(sa.select(sql_object))}


def _make(connection: Connection, names: Iterable[str]) -> None:
    for name in names:
        connection.exec_driver_sql(sql_files()[name], execution_options={"no_parameters": True})


def _overloaded(connection: Connection, names: Iterable[str]) -> list[str]:
    """Return those of these names that several functions have."""
    found = connection.execute(sa.text(_OVERLOADED), {"schema": SCHEMA, "names": list(names)})
    return list(found.scalars())


def _drop(connection: Connection, names: Iterable[str]) -> None:
    """Drop all functions and views of these names, and their triggers, whichever order they allow."""
    found = connection.execute(sa.text(_DROPS), {"schema": SCHEMA, "names": list(names)})
    left: list[str] = list(found.scalars())
    while left:
        refused: dict[str, DBAPIError] = {}
        for statement in left:
            try:
                with connection.begin_nested():
                    connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
            except DBAPIError as error:
                if getattr(error.orig, "pgcode", None) != _IS_DEPENDED_ON:
                    raise
                refused[statement] = error
        if len(refused) == len(left):
            raise DatabaseRefused(
                f"process metadata cannot be upgraded: {str(refused[left[0]].orig).strip()}\nDrop what depends on it,"
                " upgrade, and make it again.",
                sqlstate=_IS_DEPENDED_ON,
            )
        left = list(refused)


_OVERLOADED = """
select proname
from pg_proc
where pronamespace = cast(:schema as regnamespace) and proname = any(:names)
group by proname
having count(*) > 1
"""
_DROPS = """
select format('drop trigger %I on %s', tgname, tgrelid::regclass)
from pg_trigger
inner join pg_proc on pg_proc.oid = tgfoid
where pronamespace = cast(:schema as regnamespace) and proname = any(:names)
union all
select format('drop view %s', oid::regclass)
from pg_class
where relnamespace = cast(:schema as regnamespace) and relkind = 'v' and relname = any(:names)
union all
select format('drop function %s', oid::regprocedure)
from pg_proc
where pronamespace = cast(:schema as regnamespace) and proname = any(:names)
"""
