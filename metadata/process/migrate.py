"""Migration of a database's process metadata to the newest version."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from headwater.metadata.errors import DatabaseRefused
from headwater.metadata.process.sql_objects import are_newest, replace_changed
from headwater.metadata.process.tables import SCHEMA

# nearly every run finds the database migrated, and importing alembic costs a tenth of a second
if TYPE_CHECKING:
    from alembic.config import Config

SCHEMAS = (SCHEMA, "raw", "staging", "historical", "marts")
MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = "headwater: migrations"
VERSION_TABLE = "process_metadata_version"


def upgrade(engine: Engine) -> bool:
    """Create the schemas, apply missing migrations, and replace changed functions and views.

    Runs in one transaction; returns True if it applied something. Raises `DatabaseRefused` if a user's view
    prevents it, or if a newer Headwater has migrated the database. Safe to call repeatedly and by many processes
    at once: one works while the others wait for its lock.
    """
    newest = _versions()[-1]
    with engine.begin() as connection:
        if _is_newest(connection, newest):
            return False
        _require_known(_version(connection))
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(LOCK, 0))))
        if _is_newest(connection, newest):
            return False
        _require_known(_version(connection))
        for schema in SCHEMAS:
            connection.execute(sa.schema.CreateSchema(schema, if_not_exists=True))
        _migrate(connection)
        replace_changed(connection)
        return True


@dataclass(frozen=True)
class PendingMigrations:
    """The version of a database (None: an empty one), and the migrations that it lacks."""

    version: str | None
    migrations: tuple[str, ...]
    has_other_functions: bool


def pending(engine: Engine) -> PendingMigrations:
    """Return what a database lacks; writes nothing. Raises `DatabaseRefused` if a newer Headwater has migrated it."""
    with engine.connect() as connection:
        version = _version(connection)
        _require_known(version)
        missing = tuple(each for each in _versions() if version is None or each > version)
        has_others = not missing and not are_newest(connection)
    return PendingMigrations(version, missing, has_others)


def _require_known(version: str | None) -> None:
    """Raise `DatabaseRefused` for a database of a version that this Headwater has no migration of."""
    known = _versions()
    if version is not None and version not in known:
        raise DatabaseRefused(
            f"a newer Headwater has migrated this database, to version {version} of the process metadata; this one"
            f" knows it up to {known[-1]}. Nothing was changed: install the newer one, pip install"
            " --upgrade headwater"
        )


def _versions() -> list[str]:
    """Return the versions of the process metadata, oldest first: the names of their migrations begin with them."""
    return sorted(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def _migrate(connection: sa.Connection) -> None:
    """Apply the missing migrations."""
    from alembic import command

    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def configuration() -> Config:
    """Return alembic's configuration; a command also wants an open connection in `attributes`."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _is_newest(connection: sa.Connection, newest: str) -> bool:
    return _version(connection) == newest and are_newest(connection)


def _version(connection: sa.Connection) -> str | None:
    # not by to_regclass: it asks a cache, which within a transaction does not hear of tables that others made
    if not sa.inspect(connection).has_table(VERSION_TABLE, SCHEMA):
        return None
    version: str | None = connection.execute(
        sa.text(f"select version_num from {SCHEMA}.{VERSION_TABLE}")
    ).scalar()
    return version
