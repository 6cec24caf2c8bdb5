"""The connection to Postgres; libpq's variables (PGHOST, PGPORT, PGUSER, PGDATABASE, PGPASSWORD …) say where it is."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import sqlalchemy as sa
from psycopg2 import extensions
from sqlalchemy.engine import Connection, Engine

from headwater.metadata.environment import overlay
from headwater.metadata.errors import DatabaseUnavailable
from headwater.metadata.failures import refusal_in

OLDEST_POSTGRES = 16
SESSION_OPTIONS = (
    # the meaning of a text must not depend on the server's settings
    "-c TimeZone=UTC -c DateStyle=ISO,YMD -c standard_conforming_strings=on"
)
NEVER_IDLE = "-c idle_session_timeout=0"  # a connection that holds a lock is idle for hours
# a firewall drops idle connections, and a dead server sends no message
KEEPALIVES: dict[str, Any] = {
    "keepalives": 1,
    "keepalives_idle": 30,  # seconds
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,  # milliseconds
}
# the variables that one project among several may have of its own, as libpq takes them with a connection
LIBPQ = {
    "PGHOST": "host",
    "PGHOSTADDR": "hostaddr",
    "PGPORT": "port",
    "PGUSER": "user",
    "PGDATABASE": "dbname",
    "PGPASSWORD": "password",
    "PGPASSFILE": "passfile",
    "PGSERVICE": "service",
    "PGSSLMODE": "sslmode",
    "PGSSLROOTCERT": "sslrootcert",
    "PGSSLCERT": "sslcert",
    "PGSSLKEY": "sslkey",
}
AT_ONCE = 15  # connections of an engine, at most
CONNECT_TIMEOUT_S = 10  # unless PGCONNECT_TIMEOUT says otherwise
OLDEST_S = 300  # age limit of a pooled connection: an older one may be dead without notice


def session_options(*more: str) -> str:
    """Return PGOPTIONS for a session: the user's own options, then ours."""
    local = os.environ.get("PGOPTIONS", "").replace(SESSION_OPTIONS, "").strip()
    return " ".join(filter(None, [local, SESSION_OPTIONS, *more]))


def engine(database: str | None = None, at_once: int = AT_ONCE) -> Engine:
    """Return an engine on the database of the environment, or on `database` of that server, with `at_once` connections.

    Everything else, including passwords, stays with libpq: our URLs never contain a secret. Statements get as
    much memory as loads, because they may read all rows of a delivery.
    """
    memory = f"-c work_mem={os.environ.get('HEADWATER_WORK_MEM', '128MB').replace(' ', '')}"
    of_project = {keyword: value for name, keyword in LIBPQ.items() if (value := overlay().get(name))}
    url = sa.URL.create("postgresql+psycopg2", database=database)
    arguments = {"options": session_options("-c jit=off", NEVER_IDLE, memory), **KEEPALIVES, **of_project}
    if database is not None:
        arguments["dbname"] = database
    if "PGCONNECT_TIMEOUT" not in os.environ:
        arguments["connect_timeout"] = CONNECT_TIMEOUT_S
    kept = at_once * 2 // 3  # the others are closed after use
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
    """Close a connection, and thereby release the locks of its session, without sending a query."""
    connection.invalidate()
    connection.close()


def _tell_moments(connection: Any, _record: object) -> None:
    """Return timestamps that Python cannot represent as text: psycopg2 fails for the year 10000, and returns
    infinity as a day of 9999.
    """
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
    """Hold the lock `name`, across several transactions; other processes wait.

    Shared holders run in parallel, and wait for an exclusive one. `waits` is called once if the lock is
    taken.
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
            # a lost connection has lost its lock, too; one that was idle for long may never answer
            if time.monotonic() - since > OLDEST_S:
                connection.invalidate()
            else:
                _unlock(connection, shared, lock)


def _unlock(connection: Connection, shared: str, lock: dict[str, str]) -> None:
    with suppress(sa.exc.DBAPIError):
        connection.execute(sa.text(f"select pg_advisory_unlock{shared}(hashtextextended(:name, 0))"), lock)


def require_reachable(on: Engine) -> None:
    """Raise `DatabaseUnavailable`, with libpq's message, if no connection is possible or the server is too old."""
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
