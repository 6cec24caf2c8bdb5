"""The way to a publisher's database: a SQLAlchemy URL made of a conn_str, its password by reference."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.pool import NullPool

from extract.found import expand
from extract.secrets import resolve
from metadata.errors import PublisherError
from metadata.static.model import Source

USUAL = "postgresql+psycopg2://"
CONNECT_TIMEOUT_S = 10


def engine_of(source: Source) -> Engine:
    """An engine on the source's database; it keeps no connections.

    Raises `PublisherError` when the conn_str makes no sense or its driver is not there, `SecretUnavailable`.
    """
    url = url_of(source)
    arguments: dict[str, Any] = {}
    if url.get_backend_name() == "postgresql":
        # nothing of what libpq's variables say of our own Postgres may reach another one
        arguments = {"connect_timeout": CONNECT_TIMEOUT_S, "options": "", "password": url.password or ""}
        if url.username:
            arguments["user"] = url.username
    if url.get_backend_name() == "sqlite":
        _require_file(source, url)
    try:
        return sa.create_engine(url, poolclass=NullPool, connect_args=arguments)
    except sa.exc.NoSuchModuleError:
        raise PublisherError(
            f"{source.name}: url_template names {url.drivername}, which SQLAlchemy does not know,"
            " expected one such as postgresql, sqlite, or a dialect that is installed"
        ) from None
    except ImportError as error:
        raise PublisherError(
            f"{source.name}: the driver of {url.drivername} is not installed ({error}), expected it in the environment"
        ) from None


def url_of(source: Source) -> sa.URL:
    """Where the source's database is: `url_template`, and what the other columns of the conn_str say in its place."""
    conn = source.conn_str
    if conn is None:
        raise PublisherError(f"{source.name}: no connection, expected a conn_str of its data source")
    said = {
        name: expand(text, source) if (text := getattr(conn, name)) else None
        for name in ("url_template", "server", "database_name", "username", "options")
    }
    try:
        url = sa.make_url(said["url_template"] or USUAL)
        host, port = _server(said["server"])
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
        "database": said["database_name"],
        "username": said["username"] or (secret.login if secret else None),
        "password": secret.reveal() if secret else None,
    }
    url = url.set(**{name: part for name, part in parts.items() if part is not None})
    return url.update_query_pairs(
        parse_qsl(re.sub(r"[;\s]+", "&", said["options"] or ""), keep_blank_values=True)
    )


def is_postgres(engine: Engine) -> bool:
    """Whether the database speaks Postgres' protocol, COPY and all."""
    return engine.dialect.name == "postgresql" and engine.dialect.driver == "psycopg2"


def shown_place(url: sa.URL) -> str:
    """Where a database is, for people: without user, password and options."""
    server = (url.host or "") + (f":{url.port}" if url.port else "")
    return f"{url.get_backend_name()}://{server}/{url.database or ''}"


def _server(text: str | None) -> tuple[str | None, int | None]:
    if text is None or text.startswith("/"):  # the folder of a socket
        return text, None
    parts = urlsplit(f"//{text}")
    return parts.hostname, parts.port


def _require_file(source: Source, url: sa.URL) -> None:
    """SQLite would make a new database of a file that is not there."""
    if not url.database or not Path(url.database).is_file():
        raise PublisherError(
            f"{source.name}: {url.database or 'nothing'} is no file, expected an SQLite database (database_name)"
        )
