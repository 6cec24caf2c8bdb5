"""Any exception as a sentence: what Postgres refuses by its SQLSTATE, an unexpected error with where its trace is."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import Any

import psycopg2
import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.metadata.connection import engine
from headwater.metadata.errors import DatabaseRefused, HeadwaterError, PublisherError, Unforeseen
from headwater.metadata.failures import LONGEST_TRACE, failure_of, is_foreseen, trace_of
from headwater.metadata.redaction import register
from tests.support.hostile import NAMES, params


def refused(on: Engine, *statements: str) -> HeadwaterError:
    """Return what is told of statements of which one is refused."""
    with pytest.raises(sa.exc.DBAPIError) as error, on.begin() as connection:  # noqa: PT012
        for statement in statements:
            connection.execute(
                sa.text(statement), {"parameter": "a value of somebody"} if ":" in statement else {}
            )
    return failure_of(error.value)


REFUSED = {
    "read only": (
        ["set transaction read only", "create table raw.x (y text)"],
        "25006", True, "Expected a database that takes changes: PGHOST and PGPORT of the primary",
    ),
    "rights": (
        ["create role nobody_special", "set local role nobody_special", "select * from metadata.delivery"],
        "42501", True, "Expected a role that may: have its administrator grant it",
    ),
    "statement timeout": (
        ["set local statement_timeout = 10", "select pg_sleep(10)"],
        "57014", False, "raise statement_timeout of the role",
    ),
    "columns": (
        [f"create table raw.x ({', '.join(f'c{n} text' for n in range(1701))})"],
        "54011", False, "map fewer columns in seeds/attribute.csv, the column _rest keeps all others",
    ),
    "terminated": (
        ["select pg_terminate_backend(pg_backend_pid())"], None, True, "once it answers",  # libpq keeps no number of it
    ),
    "anything else": (
        ["select cast(:parameter as integer)"], "22P02", False, "(SQLSTATE 22P02)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("statements", "state", "is_general", "expected"), REFUSED.values(), ids=REFUSED)
def test_what_postgres_refuses_is_a_sentence_without_sql(
    database: Engine, statements: list[str], state: str | None, is_general: bool, expected: str
) -> None:
    failure = refused(database, *statements)
    assert isinstance(failure, DatabaseRefused)
    assert (failure.sqlstate, failure.is_general) == (state, is_general)
    message = str(failure)
    assert message.startswith("Postgres says: ")
    assert expected in message
    assert not any(
        word in message for word in ("select ", "create table", "sqlalche.me", "Traceback", "parameters:")
    )
    assert "\n" not in message
    assert not is_foreseen(failure)  # its trace is for the log


def test_a_lock_that_is_not_given_in_time_is_a_sentence(database: Engine) -> None:
    with database.begin() as holder:
        holder.execute(sa.text("lock table metadata.delivery"))
        failure = refused(database, "set local lock_timeout = 10", "select 1 from metadata.delivery")
    assert "Expected the lock within lock_timeout: another session holds it" in str(failure)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ('connection to server at "db" (10.0.0.1), port 5432 failed: FATAL:  too many connections for role "etl"',
         "Expected a free connection"),
        ("FATAL:  sorry, too many clients already", "Expected a free connection"),
        ("FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
         "Expected a free connection"),
        ('FATAL:  password authentication failed for user "etl"', "Expected a role that the server lets in"),
        ('FATAL:  database "warehous" does not exist', "Expected an existing database: PGDATABASE"),
        ("FATAL:  the database system is starting up", "run again in a moment"),
        ("server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally",
         "run again once it answers"),
        ("SSL SYSCALL error: EOF detected", "run again once it answers"),
        ("could not receive data from server: Connection timed out", "run again once it answers"),
        ('could not extend file "base/1/2": No space left on device', "The disk of the database is full"),
        ('connection to server at "localhost", port 1 failed: Connection refused', "PGHOST and PGPORT name"),
    ],
)  # fmt: skip
def test_words_without_a_number_are_understood(words: str, expected: str) -> None:
    failure = failure_of(psycopg2.OperationalError(words))
    assert expected in str(failure)
    assert isinstance(failure, DatabaseRefused)
    assert failure.is_general


def test_the_cause_of_an_error_of_another_library_counts() -> None:
    outer = RuntimeError("the library could not do it")
    outer.__cause__ = psycopg2.OperationalError("server closed the connection unexpectedly")
    assert isinstance(failure_of(outer), DatabaseRefused)


def test_a_transaction_whose_connection_was_lost_is_told_as_such(database: Engine) -> None:
    with database.connect() as connection:
        connection.begin()
        connection.invalidate()
        with pytest.raises(sa.exc.PendingRollbackError) as error:
            connection.execute(sa.text("select 1"))
    assert str(failure_of(error.value)) == (
        "the connection to Postgres was lost in the middle, and nothing half is kept: run again"
    )


def test_what_was_made_for_a_person_stays() -> None:
    error = PublisherError("cities: no such folder")
    assert failure_of(error) is error
    assert is_foreseen(error)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), "not enough memory for it (MemoryError). Expected more memory, or a smaller delivery"),
        (OSError(errno.ENOSPC, "No space left on device"), "no room is left on the disk. Expected room for"),
        (OSError(errno.EMFILE, "Too many open files"), "Expected a higher limit (`ulimit -n`)"),
        (PermissionError(13, "Permission denied", "/srv/x"), "'/srv/x'. Expected that the user"),
        (SystemExit(0), "a function of the project ends the process (SystemExit: 0)"),
        (AssertionError("two\nlines"), "an unexpected error, AssertionError: two lines. Its stack trace is in"),
        (KeyError(), "unexpected error, KeyError. Its stack trace"),
        (RecursionError("x" * 5000), "x …"),
    ],
    ids=str,
)  # fmt: skip
def test_an_unexpected_error_is_a_sentence(error: BaseException, expected: str) -> None:
    failure = failure_of(error)
    assert isinstance(failure, Unforeseen)
    assert expected in str(failure)
    assert len(str(failure)) < 600


@pytest.mark.parametrize("name", params(NAMES))
def test_a_name_from_outside_stays_on_one_line(name: str) -> None:
    assert "\n" not in str(failure_of(ValueError(name)))
    assert "\r" not in str(failure_of(ValueError(name)))


def test_a_trace_can_be_kept_whatever_is_in_it() -> None:
    register("hunter2hunter2")
    try:
        raise ValueError("st\udce9\0 hunter2hunter2" + "x" * 3 * LONGEST_TRACE)
    except ValueError as error:
        trace = trace_of(error)
    trace.encode()
    assert "Traceback" in trace
    assert "hunter2" not in trace
    assert "\0" not in trace
    assert len(trace) < LONGEST_TRACE + 100


@pytest.mark.usefixtures("database")
def test_connections_say_that_they_are_alive_and_are_never_ended_for_being_idle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c idle_session_timeout=1000")
    ours = engine()
    with ours.connect() as connection:
        assert connection.execute(sa.text("show idle_session_timeout")).scalar() == "0"
        driver: Any = connection.connection.dbapi_connection
        with socket.socket(fileno=driver.fileno()) as there:
            option: Callable[[int, int], int] = there.getsockopt
            assert option(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert option(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
            assert option(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000
            there.detach()
    ours.dispose()
