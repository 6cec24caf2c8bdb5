"""One way to Postgres: where it is, is said by libpq's variables (PGHOST, PGPORT, PGUSER, PGDATABASE, PGPASSWORD …)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import sqlalchemy as sa
from psycopg2 import extensions
from sqlalchemy.engine import Connection, Engine

from headwater.metadata.errors import DatabaseUnavailable
from headwater.metadata.failures import refusal_in

OLDEST_POSTGRES = 16
SESSION_OPTIONS = (
    # what a text means must not depend on the server's settings
    "-c TimeZone=UTC -c DateStyle=ISO,YMD -c standard_conforming_strings=on"
)
NEVER_IDLE = "-c idle_session_timeout=0"  # a connection that holds a lock has nothing to say for hours
# a firewall forgets a connection on which nothing is said, and a server that is gone does not say so
KEEPALIVES: dict[str, Any] = {
    "keepalives": 1,
    "keepalives_idle": 30,  # seconds
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,  # milliseconds
}
AT_ONCE = 15  # connections of an engine, at most
CONNECT_TIMEOUT_S = 10  # unless PGCONNECT_TIMEOUT says otherwise
OLDEST_S = 300  # of a connection that is taken from the pool: an older one may be dead without saying so


def session_options(*more: str) -> str:
    """The value of PGOPTIONS for a session: the user's own options, then ours."""
    local = os.environ.get("PGOPTIONS", "").replace(SESSION_OPTIONS, "").strip()
    return " ".join(filter(None, [local, SESSION_OPTIONS, *more]))


def engine(database: str | None = None, at_once: int = AT_ONCE) -> Engine:
    """An engine on the database of the environment, or on `database` of the same server, of `at_once` connections.

    Everything else, passwords included, stays with libpq: no URL of ours ever holds a secret. Statements get the
    memory that loads get: what is asked of a delivery is asked of all its rows.
    """
    memory = f"-c work_mem={os.environ.get('HEADWATER_WORK_MEM', '128MB').replace(' ', '')}"
    url = sa.URL.create("postgresql+psycopg2", database=database)
    arguments = {"options": session_options("-c jit=off", NEVER_IDLE, memory), **KEEPALIVES}
    if "PGCONNECT_TIMEOUT" not in os.environ:
        arguments["connect_timeout"] = CONNECT_TIMEOUT_S
    kept = at_once * 2 // 3  # the others are closed when they are not needed
    made = sa.create_engine(
        url,
        connect_args=arguments,
        pool_pre_ping=True,
        pool_recycle=OLDEST_S,
        pool_size=kept,
        max_overflow=at_once - kept,
    )
    sa.event.listen(made, "connect", _tell_moments)
    return made


def hang_up(connection: Connection) -> None:
    """Close a connection for good, and with it the locks that its session holds. A dead one is not asked for that."""
    connection.invalidate()
    connection.close()


def _tell_moments(connection: Any, _record: object) -> None:
    """Let a moment that Python has no value for be its text: psycopg2 fails for the year 10000, and tells infinity as a
    day of 9999."""
    for kind in (extensions.PYDATE, extensions.PYDATETIME, extensions.PYDATETIMETZ, extensions.PYTIME):
        loader = extensions.new_type(kind.values, f"headwater {kind.name}", _or_text(kind))
        extensions.register_type(loader, connection)


def _or_text(kind: Any) -> Callable[[Any, Any], Any]:
    def tell(text: Any, cursor: Any) -> Any:
        if text is not None and (text[:1] == "-" or text[-1:] in "yC" or text[:3] == "24:"):
            return text  # -infinity, infinity, BC
        try:
            return kind(text, cursor)
        except ValueError:
            return text

    return tell


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
        since = time.monotonic()
        try:
            yield
        finally:
            # a connection that was lost has lost the lock, too; one that was silent for long may never answer
            if time.monotonic() - since > OLDEST_S:
                connection.invalidate()
            else:
                _unlock(connection, shared, lock)


def _unlock(connection: Connection, shared: str, lock: dict[str, str]) -> None:
    with suppress(sa.exc.DBAPIError):
        connection.execute(sa.text(f"select pg_advisory_unlock{shared}(hashtextextended(:name, 0))"), lock)


def require_reachable(on: Engine) -> None:
    """Raise `DatabaseUnavailable`, with libpq's own words, when no connection can be had or the server is too old."""
    try:
        with on.connect() as connection:
            version: int = connection.execute(
                sa.text("select current_setting('server_version_num')::int")
            ).scalar_one()
    except sa.exc.OperationalError as error:
        host = os.environ.get("PGHOST", "the default socket")
        message = " ".join(str(error.orig).split()).rstrip(".?")
        refusal = refusal_in(message)
        expected = f"{refusal.expected}. " if refusal else ""
        raise DatabaseUnavailable(
            f"Postgres at {host}:{os.environ.get('PGPORT', '5432')} cannot be reached: {message}. {expected}"
            "Expected a server that PGHOST, PGPORT, PGUSER and PGDATABASE name; unset PGHOST to use the embedded one."
        ) from None
    if version < OLDEST_POSTGRES * 10_000:
        raise DatabaseUnavailable(
            f"Postgres {version // 10_000} is too old. Expected {OLDEST_POSTGRES} or later, which can tell whether a"
            " text fits a type without failing."
        )
