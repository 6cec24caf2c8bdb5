"""One way to Postgres: where it is, is said by libpq's variables (PGHOST, PGPORT, PGUSER, PGDATABASE, PGPASSWORD …)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from metadata.errors import DatabaseUnavailable

OLDEST_POSTGRES = 16
SESSION_OPTIONS = (
    "-c TimeZone=UTC -c DateStyle=ISO,YMD"  # what a text means must not depend on the server's settings
)


def session_options(*more: str) -> str:
    """The value of PGOPTIONS for a session: the user's own options, then ours."""
    own = os.environ.get("PGOPTIONS", "").replace(SESSION_OPTIONS, "").strip()
    return " ".join(filter(None, [own, SESSION_OPTIONS, *more]))


def engine(database: str | None = None) -> Engine:
    """An engine on the database of the environment, or on `database` of the same server.

    Everything else, passwords included, stays with libpq: no URL of ours ever holds a secret. Statements get the
    memory that loads get: what is asked of a delivery is asked of all its rows.
    """
    memory = f"-c work_mem={os.environ.get('HEADWATER_WORK_MEM', '128MB').replace(' ', '')}"
    url = sa.URL.create("postgresql+psycopg2", database=database)
    return sa.create_engine(
        url, connect_args={"options": session_options("-c jit=off", memory)}, pool_pre_ping=True
    )


@contextmanager
def session_lock(
    on: Engine, name: str, waits: Callable[[], None] | None = None, *, is_shared: bool = False
) -> Iterator[None]:
    """Let one process at a time do what `name` says; the others wait. For work that spans several transactions.

    Those that share it do it side by side, and wait for the one that does not. `waits` is called once if another
    process has to be waited for.
    """
    lock, shared = {"name": f"headwater {name}"}, "_shared" if is_shared else ""
    with on.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        is_free: bool = connection.execute(
            sa.text(f"select pg_try_advisory_lock{shared}(hashtextextended(:name, 0))"), lock
        ).scalar_one()
        if not is_free:
            if waits is not None:
                waits()
            connection.execute(sa.text(f"select pg_advisory_lock{shared}(hashtextextended(:name, 0))"), lock)
        try:
            yield
        finally:
            with suppress(sa.exc.DBAPIError):  # a connection that was lost has lost the lock, too
                connection.execute(
                    sa.text(f"select pg_advisory_unlock{shared}(hashtextextended(:name, 0))"), lock
                )


def require_reachable(on: Engine) -> None:
    """Raise `DatabaseUnavailable`, with libpq's own words, when no connection can be had or the server is too old."""
    try:
        with on.connect() as connection:
            version: int = connection.execute(
                sa.text("select current_setting('server_version_num')::int")
            ).scalar_one()
    except sa.exc.OperationalError as error:
        host = os.environ.get("PGHOST", "the default socket")
        said = " ".join(str(error.orig).split()).rstrip(".?")
        raise DatabaseUnavailable(
            f"Postgres at {host}:{os.environ.get('PGPORT', '5432')} cannot be reached: {said}. "
            "Expected a server that PGHOST, PGPORT, PGUSER and PGDATABASE name; unset PGHOST to use the embedded one."
        ) from None
    if version < OLDEST_POSTGRES * 10_000:
        raise DatabaseUnavailable(
            f"Postgres {version // 10_000} is too old. Expected {OLDEST_POSTGRES} or later, which can tell whether a"
            " text fits a type without failing."
        )
