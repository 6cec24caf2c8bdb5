"""The way to a publisher's database: a SQLAlchemy URL made of a conn_str, its password by reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.pool import NullPool

from headwater.extract.connections.conn_options import options_of
from headwater.extract.connections.environment import Named, expand
from headwater.extract.connections.secrets import resolve
from headwater.metadata.errors import PublisherError
from headwater.metadata.static.model import ConnStr

USUAL = "postgresql+psycopg2://"
POSTGRES_PORT = 5432
_USUAL = {"connect_timeout": "10", "options": "", "sslmode": "prefer"}  # of libpq; the first in seconds


class Connected(Named, Protocol):
    """Whatever has a conn_str: a source, or a step of a job."""

    @property
    def conn_str(self) -> ConnStr | None:
        """Return how to reach its database."""


def engine_of(source: Connected) -> Engine:
    """An engine on the source's database; it keeps no connections.

    Raises `PublisherError` when the conn_str makes no sense or its driver is not there, `SecretUnavailable`.
    """
    url = url_of(source)
    if url.drivername in ("postgresql+psycopg2", "postgresql+psycopg"):
        url = _without_environment(source, url)
    if url.get_backend_name() == "sqlite":
        _require_file(source, url)
    try:
        return sa.create_engine(url, poolclass=NullPool)
    except sa.exc.NoSuchModuleError:
        raise PublisherError(
            f"{source.name}: url_template names {url.drivername}, which SQLAlchemy does not know,"
            " expected one such as postgresql, sqlite, or a dialect that is installed"
        ) from None
    except ImportError as error:
        raise PublisherError(
            f"{source.name}: the driver of {url.drivername} is not installed ({error}), expected it in the environment"
        ) from None


def url_of(source: Connected) -> sa.URL:
    """Return where the source's database is: `url_template`,
    and what the other columns of the conn_str say in its place."""
    conn = source.conn_str
    if conn is None:
        raise PublisherError(f"{source.name}: no connection, expected a conn_str of its data source")
    facts = {
        name: expand(text, source) if (text := getattr(conn, name)) else None
        for name in ("url_template", "server", "database_name", "username")
    }
    try:
        url = sa.make_url(facts["url_template"] or USUAL)
        host, port = _server(facts["server"])
    except (sa.exc.ArgumentError, ValueError):
        raise PublisherError(
            f"{source.name}: conn_str {conn.name} makes no address, expected a url_template such as"
            " postgresql:// or sqlite:////folder/file.db, and a server such as db.example.com:5432"
        ) from None
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg2")
    secret = resolve(conn.secret_ref) if conn.secret_ref else None
    parts: dict[str, Any] = {
        "host": host,
        "port": port,
        "database": facts["database_name"],
        "username": facts["username"] or (secret.login if secret else None),
        "password": secret.reveal() if secret else None,
    }
    url = url.set(**{name: part for name, part in parts.items() if part is not None})
    return url.update_query_dict(options_of(source, conn, "rdbms"))


def is_postgres(engine: Engine) -> bool:
    """Return whether the database speaks Postgres' protocol, COPY and all."""
    return engine.dialect.name == "postgresql" and engine.dialect.driver == "psycopg2"


def shown_place(url: sa.URL) -> str:
    """Return where a database is, for people: without user, password and options."""
    server = (url.host or "") + (f":{url.port}" if url.port else "")
    return f"{url.get_backend_name()}://{server}/{url.database or ''}"


def _server(text: str | None) -> tuple[str | None, int | None]:
    if text is None or text.startswith("/"):  # the folder of a socket
        return text, None
    parts = urlsplit(f"//{text}")
    return parts.hostname, parts.port


def _without_environment(source: Connected, url: sa.URL) -> sa.URL:
    """The URL of a Postgres, and what it leaves open: else libpq's variables would say it, which are of our own one."""
    places = {"server": url.host, "database_name": url.database, "username": url.username}
    in_query = dict(zip(places, (url.query.get(name) for name in ("host", "dbname", "user")), strict=True))
    if missing := [name for name in places if not (places[name] or in_query[name])]:
        raise PublisherError(
            f"{source.name}: no {' and no '.join(missing)} of the database, expected in its conn_str"
        )
    if not url.port and not {"host", "port"} & url.query.keys():
        url = url.set(port=POSTGRES_PORT)
    password = {} if url.password else {"password": ""}
    return url.set(query={**_USUAL, **password, **url.query})


def _require_file(source: Connected, url: sa.URL) -> None:
    """SQLite would make a new database of a file that is not there."""
    if not url.database or not Path(url.database).is_file():
        raise PublisherError(
            f"{source.name}: {url.database or 'nothing'} is no file, expected an SQLite database (database_name)"
        )
