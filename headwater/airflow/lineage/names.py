"""Names of datasets by the conventions of OpenLineage, equal for writers and readers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from headwater.extract.connections.environment import expand
from headwater.extract.connections.safe_address import shown
from headwater.extract.sources.api.address import below
from headwater.extract.sources.sql.connect import url_of
from headwater.extract.sources.sql.queries import publisher_name
from headwater.metadata.errors import HeadwaterError
from headwater.metadata.redaction import redact
from headwater.metadata.static.model import ConnApi, ConnStr, Source
from headwater.pipeline.step_audit import Place

LAYERS = {"raw": "raw.{}", "staging": "staging.stg_{}", "historical": "historical.{}"}
PORTS = {"postgres": 5432, "mysql": 3306}
BACKENDS = {"postgresql": "postgres", "mariadb": "mysql"}


class Name(NamedTuple):
    """The name of a dataset; unique within its namespace."""

    namespace: str
    name: str


def table(place: Place, qualified: str) -> Name:
    """Return the name of a table of our own database."""
    return Name(f"postgres://{place.host}:{place.port}", f"{place.database}.{qualified}")


def layer(place: Place, layer: str, source: str) -> Name:
    """Return the name of the table of a source in a layer."""
    return table(place, LAYERS[layer].format(source))


def at(address: str) -> Name:
    """Return the name for an address: a file, an object on S3, a page. Omits credentials and query."""
    if "://" not in address:
        return Name("file", redact(address))
    parts = urlsplit(shown(address))
    path = parts.path.lstrip("/") if parts.scheme == "s3" else parts.path
    return Name(f"{parts.scheme}://{parts.netloc}", redact(path) or "/")


def offered(source: Source, offer: Mapping[str, Any]) -> Name:
    """Return the name of an offered file, if its address is known; else that of the publisher."""
    return at(offer["address"]) if "address" in offer else asked(source)


def asked(source: Source) -> Name:
    """Return the name of the publisher of a source."""
    try:
        found = _PLACES[source.data_source.data_source_type](source)
    except (
        HeadwaterError,
        AttributeError,
        KeyError,
        ValueError,
    ):  # the extract function may be a custom one
        found = Name(f"publisher://{source.data_source.name}", source.name)
    return Name(redact(found.namespace), redact(found.name))


def _page(source: Source) -> Name:
    return at(below(_connection_part(source, source.conn_str, "url_template"), source.options.get("page")))


def _api(source: Source) -> Name:
    return at(below(_connection_part(source, source.conn_api, "api_url"), source.options.get("endpoint")))


def _folder(source: Source) -> Name:
    return at(_connection_part(source, source.conn_str, "file_path"))


def _bucket(source: Source) -> Name:
    return at(_connection_part(source, source.conn_str, "url_template"))


def _connection_part(source: Source, conn: ConnStr | ConnApi | None, column: str) -> str:
    """Return the part of a connection without credentials and query."""
    text = expand(getattr(conn, column), source)
    return shown(text) if "://" in text else text


def _topic(source: Source) -> Name:
    first = _connection_part(source, source.conn_str, "server").partition(",")[0].strip()
    return Name(f"kafka://{first}", source.options["topic"])


def _database(source: Source) -> Name:
    conn = source.conn_str and replace(source.conn_str, secret_ref=None)  # its address contains no secret
    url = url_of(replace(source, conn_str=conn))
    backend = BACKENDS.get(url.get_backend_name(), url.get_backend_name())
    if backend == "sqlite":
        return Name(f"sqlite://{url.database}", publisher_name(source))
    host, port = url.host or url.query["host"], url.port or PORTS.get(backend)
    qualified = publisher_name(source)
    if backend == "postgres" and "." not in qualified and source.sql_script is None:
        qualified = f"public.{qualified}"
    database = url.database or url.query["dbname"]
    return Name(f"{backend}://{host}" + (f":{port}" if port else ""), f"{database}.{qualified}")


_PLACES = {
    "http_files": _page,
    "rest_api": _api,
    "local_files": _folder,
    "object_store": _bucket,
    "kafka": _topic,
    "rdbms": _database,
}
