"""One read transaction on a publisher's database, and the rows that it sees as lines of a `copy_text` file.

Postgres writes the lines itself, by COPY. Elsewhere rows come through a cursor, which the server keeps where it can.
"""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.engine import Engine
from sqlalchemy.sql.expression import ClauseElement

from headwater.extract.formats.copy_file import line_of, lines_of
from headwater.extract.sources.sql import mariadb
from headwater.extract.sources.sql.connect import is_postgres, shown_place
from headwater.extract.sources.sql.values import NoTextError, texts_of, to_text
from headwater.metadata.errors import PublisherError
from headwater.metadata.redaction import beginning
from headwater.metadata.sql_text import for_text, sql_literal

if TYPE_CHECKING:
    import psycopg2.extensions
    from sqlalchemy.engine.interfaces import DBAPIConnection

BATCH = 1000  # rows
BLOCK = 512 << 10  # bytes of rows
# what a text means must not depend on the server's settings
_POSTGRES_SETTINGS = (
    "set timezone = 'UTC'; set datestyle = 'ISO, YMD'; set intervalstyle = 'iso_8601'; set bytea_output = 'hex';"
    " set extra_float_digits = 3; set client_encoding = 'UTF8'; set lc_monetary = 'C'"
)
_LEVELS = ("REPEATABLE READ", "SERIALIZABLE")  # of which the first that a database knows is taken
# what a driver says where no connection came about, whoever's it is
_UNREACHED = re.compile(
    "password authentication failed|no password supplied|no pg_hba.conf entry|Access denied|database .* does not exist"
    "|Unknown database|Can't connect|Connection refused|could not translate host name|Name or service not known"
    "|timeout expired|timed out"
)
_REACHED = "Expected a database that its conn_str names, and that lets in its username with its secret_ref"

Write = Callable[[bytes], object]


class Reader:
    """The rows that one transaction sees, through a cursor."""

    def __init__(self, connection: Connection) -> None:
        self.connection, self.dialect = connection, connection.dialect

    def now(self) -> dt.datetime:
        """The moment of what is seen, by our clock: how to ask the server's, we do not know."""
        return dt.datetime.now(dt.UTC)

    def value(self, statement: sa.Select[Any]) -> str | None:
        """The only value of an answer, as text."""
        return to_text(self.connection.execute(statement).scalar())

    def header(self, statement: ClauseElement) -> bytes:
        """The names of the columns, as a line."""
        result = self._streamed(statement)
        names = list(result.keys())
        result.close()
        return line_of(names)

    def write_rows(self, statement: ClauseElement, write: Write) -> None:
        """Give all rows to `write`, as lines, many at once."""
        for rows in self._streamed(statement).partitions(BATCH):
            write(lines_of(list(map(texts_of, zip(*rows, strict=True)))))

    def _streamed(self, statement: ClauseElement) -> sa.CursorResult[Any]:
        streamed = self.connection.execution_options(stream_results=True, max_row_buffer=BATCH)
        return streamed.execute(cast("sa.Executable", statement))


class MariaReader(Reader):
    """The rows that one transaction sees of a MariaDB or a MySQL, exactly."""

    def now(self) -> dt.datetime:
        """The moment by the server's clock, just after the transaction began."""
        moment: dt.datetime = self.connection.exec_driver_sql("select utc_timestamp(6)").scalar_one()
        return moment.replace(tzinfo=dt.UTC)

    def header(self, statement: ClauseElement) -> bytes:
        """The names of the columns, as a line."""
        return line_of([name for name, *_ in self._described(statement)])

    def write_rows(self, statement: ClauseElement, write: Write) -> None:
        """Give all rows to `write`, as lines, many at once."""
        exactly = mariadb.exactly(statement, self._described(statement))
        with mariadb.leaving_unread(self.connection.connection.dbapi_connection):
            super().write_rows(exactly, write)

    def _described(self, statement: ClauseElement) -> Sequence[Sequence[Any]]:
        result = self.connection.execute(mariadb.without_rows(statement))
        described: Sequence[Sequence[Any]] = result.cursor.description or () if result.cursor else ()
        result.close()
        return described


class PostgresReader(Reader):
    """The rows that one transaction sees, by COPY."""

    def now(self) -> dt.datetime:
        """The moment at which the transaction began."""
        moment: dt.datetime = self.connection.exec_driver_sql("select now()").scalar_one()
        return moment.astimezone(dt.UTC)

    def value(self, statement: sa.Select[Any]) -> str | None:
        """The only value of an answer, as Postgres writes it."""
        value: str | None = self.connection.execute(
            sa.select(sa.cast(statement.scalar_subquery(), sa.Text))
        ).scalar()
        return value

    def snapshot(self) -> str:
        """A name by which other transactions see what this one does, while it lasts."""
        name: str = self.connection.exec_driver_sql("select pg_export_snapshot()").scalar_one()
        return name

    def header(self, statement: ClauseElement) -> bytes:
        """The names of the columns, as a line."""
        with self._driver.cursor() as cursor:
            cursor.execute(b"select * from (\n" + self._bound(statement) + b"\n) as question limit 0")
            return line_of([column.name for column in cursor.description or ()])

    def write_rows(self, statement: ClauseElement, write: Write) -> None:
        """Give all rows to `write`, as lines, in blocks that are cut anywhere."""
        blocks = io.BufferedWriter(_Into(write), BLOCK)  # else Python would be asked row by row
        with self._driver.cursor() as cursor:
            try:
                cursor.copy_expert(b"copy (\n" + self._bound(statement) + b"\n) to stdout", blocks)
                blocks.flush()
            except (
                SystemError
            ) as error:  # so psycopg2 says that the server has gone: as the cause of its own trouble
                raise error.__cause__ or error from None

    @property
    def _driver(self) -> psycopg2.extensions.connection:
        return cast("psycopg2.extensions.connection", self.connection.connection.dbapi_connection)

    def _bound(self, statement: ClauseElement) -> bytes:
        """The statement with its values in it, quoted by the driver: COPY takes no parameters."""
        compiled = statement.compile(dialect=self.dialect)
        with self._driver.cursor() as cursor:
            return cursor.mogrify(str(compiled), compiled.params)


class _Into(io.RawIOBase):
    """A file that gives what it is given to a function."""

    def __init__(self, write: Write) -> None:
        self._write = write

    def writable(self) -> bool:
        return True

    def write(self, block: Any, /) -> int:
        text = bytes(block)
        self._write(text)
        return len(text)


@contextmanager
def reading(engine: Engine, snapshot: str | None = None) -> Iterator[Reader]:
    """A transaction that only reads, and sees one state of the database: that of `snapshot`, if one is given."""
    with _connected(engine) as connection, _given_up(connection):
        if is_postgres(engine):
            connection.exec_driver_sql(_POSTGRES_SETTINGS)
            connection.commit()
            connection.exec_driver_sql("set transaction isolation level repeatable read, read only")
            if snapshot is not None:
                connection.execute(sa.text(for_text(f"set transaction snapshot {sql_literal(snapshot)}")))
            yield PostgresReader(connection)
            return
        if engine.dialect.name == "sqlite":  # its driver would begin no transaction for reading
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql("begin")
        else:
            known = engine.dialect.get_isolation_level_values(
                cast("DBAPIConnection", connection.connection.dbapi_connection)
            )
            if level := next((level for level in _LEVELS if level in known), None):
                connection = connection.execution_options(isolation_level=level)
        if engine.dialect.name in mariadb.DIALECTS:
            for statement in mariadb.SETTINGS:
                connection.exec_driver_sql(statement)
            yield MariaReader(connection)
            return
        yield Reader(connection)


def _connected(engine: Engine) -> Connection:
    try:
        return engine.connect()
    except TypeError as error:  # what drivers in Python say of a keyword that they do not know
        raise sa.exc.ArgumentError(
            f"the options of its conn_str are not those of {engine.url.drivername} ({error}), expected what that"
            " driver takes"
        ) from None


@contextmanager
def _given_up(connection: Connection) -> Iterator[None]:
    """After an error nothing more is said to the server: it may be the connection that broke."""
    try:
        yield
    except BaseException:
        connection.invalidate()
        raise


@contextmanager
def said_plainly(source: str, engine: Engine) -> Iterator[None]:
    """Raise `PublisherError` for whatever the database or its driver complains of."""
    driver: type[Exception] = engine.dialect.loaded_dbapi.Error
    try:
        yield
    except (sa.exc.DBAPIError, driver) as error:
        message = " ".join(str(getattr(error, "orig", error)).split()).rstrip(".")
        expected = f". {_REACHED}" if _UNREACHED.search(message) else ""
        raise PublisherError(f"{source}: {shown_place(engine.url)}: {message}{expected}") from None
    except sa.exc.SQLAlchemyError as error:
        raise PublisherError(f"{source}: {shown_place(engine.url)}: {error}") from None
    except NoTextError as error:
        raise PublisherError(
            f"{source}: a value of the type {error}, expected one that has a text: cast it in a sql_script"
        ) from None
    except UnicodeEncodeError as error:
        raise PublisherError(
            f"{source}: {beginning(error.object)!a} is no text, expected characters"
        ) from None
