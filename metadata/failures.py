"""Conversion of an exception to a sentence for a person: what is wrong and what to do.

Refusals of Postgres are recognized by SQLSTATE. Refused connections and dbt's model errors have none, so
their English messages are recognized, whatever the server's lc_messages.
"""

from __future__ import annotations

import errno
import os
import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg2
import sqlalchemy as sa

from headwater.metadata.errors import FAILURES as FAILURES
from headwater.metadata.errors import DatabaseRefused, ExtractError, HeadwaterError, Unforeseen
from headwater.metadata.redaction import beginning, redact
from headwater.metadata.storable import storable

SHOWN = 300  # characters of a message of Postgres or Python
LONGEST_TRACE = 40_000  # characters kept
FULL = (errno.ENOSPC, errno.EDQUOT)
TOO_MANY_FILES = (errno.EMFILE, errno.ENFILE)


@dataclass(frozen=True)
class Refusal:
    """A kind of refusal of Postgres: its message, and what to do.

    `is_general` means that it will affect every further statement.
    """

    states: str  # of SQLSTATE, a pattern
    words: str  # a pattern
    expected: str
    is_general: bool = True


REFUSALS = (
    Refusal(
        "25006",
        r"read-only transaction|recovery is in progress",
        "Expected a database that takes changes: PGHOST and PGPORT of the primary server, and"
        " default_transaction_read_only off for the role, the database and PGOPTIONS",
    ),
    Refusal(
        "42501",
        r"permission denied|must be owner of",
        "Expected a role that may: have its administrator grant it, or own the schemas metadata, raw, staging,"
        " historical and marts and all in them; PGUSER names the role",
    ),
    Refusal(
        "53300",
        r"too many (connections|clients)|remaining connection slots",
        "Expected a free connection: end other sessions, raise max_connections or the role's connection limit, or set"
        " HEADWATER_THREADS=1, and run again",
    ),
    Refusal(
        "57014",
        r"due to statement timeout",
        "Expected the time that it takes: raise statement_timeout of the role or the database, or set"
        " PGOPTIONS='-c statement_timeout=0', and run again",
        is_general=False,
    ),
    Refusal(
        "55P03",
        r"due to lock timeout|could not obtain lock",
        "Expected the lock within lock_timeout: another session holds it (pg_blocking_pids tells which). End that one,"
        " or set PGOPTIONS='-c lock_timeout=0', and run again",
        is_general=False,
    ),
    Refusal(
        "40001|40P01",
        r"deadlock detected|could not serialize access",
        "Nothing half is kept: run again",
        is_general=False,
    ),
    Refusal(
        "25P0[34]|57P05",
        r"due to (idle-in-transaction|idle-session|transaction) timeout",
        "Nothing half is kept. Expected no such timeout for the role: set it to 0 with `alter role`, and run again",
        is_general=False,
    ),
    Refusal(
        "53100",
        r"No space left on device|could not extend file|disk full",
        "The disk of the database is full, and nothing half is kept: make room there (`headwater purge` frees raw and"
        " staging by keep_raw and keep_staging), and run again",
    ),
    Refusal(
        "53200|53400",
        r"out of (shared )?memory",
        "The database has no memory left for it: lower HEADWATER_WORK_MEM, or give the server more, and run again",
        is_general=False,
    ),
    Refusal(
        "54011",
        r"tables can have at most \d+ columns|target lists can have at most \d+|row is too big",
        "Postgres has no wider tables: map fewer columns in seeds/attribute.csv, the column _rest keeps all others",
        is_general=False,
    ),
    Refusal(
        "22021|22P05",
        r"invalid byte sequence|unsupported Unicode escape",
        "Postgres holds no such text: have the publisher mend it, or rename what is called so",
        is_general=False,
    ),
    Refusal(
        "28...",
        r"password authentication failed|no password supplied|no pg_hba\.conf entry|role \".*\" does not exist",
        "Expected a role that the server lets in: PGUSER, and its password in PGPASSWORD or PGPASSFILE",
    ),
    Refusal(
        "3D000",
        r"database \".*\" does not exist",
        "Expected an existing database: PGDATABASE names it, `createdb` makes it",
    ),
    Refusal(
        "57P03",
        r"is (starting up|shutting down)|not yet accepting connections",
        "Expected a server that takes connections: run again in a moment",
    ),
    Refusal(
        "57P0[124]|08...",
        r"terminating connection|connection .*(reset|closed|timed out|lost)|closed the connection|Connection reset"
        r"|no connection to the server|could not (receive|send) data|SSL SYSCALL|SSL connection has been closed",
        "The connection was lost in the middle, and nothing half is kept. Expected a server that stays up: run again"
        " once it answers",
    ),
    Refusal(
        "(?!)",
        r"Connection refused|could not translate host name|timeout expired|No route to host|Is the server running"
        r"|unreachable|No such file or directory",
        "Expected a server that PGHOST and PGPORT name",
    ),
)


def failure_of(error: BaseException) -> HeadwaterError:
    """Return the error for a person; an exception that was made for a person is returned unchanged."""
    if isinstance(error, HeadwaterError):
        return error
    of_postgres = _of_postgres(error)
    return _refused(of_postgres) if of_postgres else Unforeseen(_message(error))


def failure_of_delivery(error: BaseException) -> HeadwaterError:
    """Return the failure of one delivery, as its source goes on. What would meet all its others, too, is raised."""
    failure = failure_of(error)
    if isinstance(failure, DatabaseRefused) and failure.is_general:
        raise failure from error
    if isinstance(error, HeadwaterError) and not isinstance(error, ExtractError):
        raise error
    return failure


def is_foreseen(error: BaseException) -> bool:
    """Return whether its message says everything, so that no stack trace has to be kept."""
    return isinstance(error, HeadwaterError) and not isinstance(error, DatabaseRefused | Unforeseen)


def trace_of(error: BaseException) -> str:
    """Return the stack trace of an exception without secrets; a very long one without its middle."""
    trace = storable(redact("".join(traceback.format_exception(error))))
    if len(trace) <= LONGEST_TRACE:
        return trace
    half = LONGEST_TRACE // 2
    return f"{trace[:half]}\n… {len(trace) - 2 * half} characters …\n{trace[-half:]}"


def trace_unless_foreseen(error: BaseException) -> dict[str, str]:
    """Return the stack trace, as context for a line of log, of an unexpected error."""
    return {} if is_foreseen(error) else {"trace": trace_of(error)}


def refusal_in(words: str) -> Refusal | None:
    """Return the kind of refusal in a message of Postgres, None if it is unknown."""
    return next((kind for kind in REFUSALS if re.search(kind.words, words)), None)


def _refused(error: psycopg2.Error | sa.exc.SQLAlchemyError) -> DatabaseRefused:
    if isinstance(error, sa.exc.TimeoutError):
        return DatabaseRefused(
            "this process has as many connections to Postgres as it may open, and none got free: run fewer sources at"
            " once"
        )
    if not isinstance(error, psycopg2.Error):  # a transaction goes on whose connection is lost
        return DatabaseRefused(
            "the connection to Postgres was lost in the middle, and nothing half is kept: run again"
        )
    words = getattr(error.diag, "message_primary", None) or str(error) or type(error).__name__
    state = error.pgcode
    by_state = (kind for kind in REFUSALS if state and re.fullmatch(kind.states, state))
    kind = next(by_state, None) or refusal_in(words)
    text = f"Postgres says: {_line(words)}"
    if kind is None:
        number = f" (SQLSTATE {state})" if state else ""
        return DatabaseRefused(f"{text}{number}", sqlstate=state, is_general=state is None)
    return DatabaseRefused(f"{text}. {kind.expected}", sqlstate=state, is_general=kind.is_general)


def _of_postgres(error: BaseException) -> psycopg2.Error | sa.exc.SQLAlchemyError | None:
    """Return the error of our Postgres among an exception and its causes."""
    for cause in _causes(error):
        found = cause.orig if isinstance(cause, sa.exc.DBAPIError) else cause
        if isinstance(found, psycopg2.Error | sa.exc.TimeoutError | sa.exc.PendingRollbackError):
            return found
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        seen.append(cause)
        yield cause
        cause = cause.__cause__


def _message(error: BaseException) -> str:
    """Return the message for an unforeseen exception."""
    message = f"{type(error).__name__}: {_line(str(error))}" if str(error) else type(error).__name__
    if isinstance(error, MemoryError):
        return (
            "this machine has not enough memory for it (MemoryError). Expected more memory, or a smaller delivery:"
            " max_file_mib and max_unpacked_mib in seeds/source_attribute.csv refuse what is too large"
        )
    if isinstance(error, OSError) and error.errno in FULL:
        where = f" ({error.filename})" if error.filename else ""
        return (
            f"no room is left on the disk{where}. Expected room for temporary files (TMPDIR"
            " names their folder), and in the working folder (HEADWATER_HOME)"
        )
    if isinstance(error, OSError) and error.errno in TOO_MANY_FILES:
        return f"too many files are open ({message}). Expected a higher limit (`ulimit -n`)"
    if isinstance(error, PermissionError):
        return f"{message}. Expected that the user {_user()} may read and write there"
    if isinstance(error, UnicodeEncodeError):
        return f"{_line(ascii(error.object))} is no text ({message}). Expected a name or a value in UTF-8"
    if isinstance(error, SystemExit):
        return f"a function of the project ends the process ({message}). Expected it to return, or to raise an error"
    return (
        f"an unexpected error, {message}. Its stack trace is in metadata.log_dtl and in logs/errors.log of the"
        " working folder (HEADWATER_HOME)"
    )


def _line(words: str) -> str:
    """Return a text on one line, shortened."""
    line = " ".join(storable(words).split()).rstrip(".?")
    return line if len(line) <= SHOWN else f"{beginning(line, SHOWN)} …"


def _user() -> str:
    return str(os.geteuid()) if hasattr(os, "geteuid") else "of this process"
