"""Names of datasets, by the naming of OpenLineage: the same thing has one name, whoever reads or writes it."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from headwater.extract.connections.environment import Named, expand
from headwater.extract.connections.safe_address import shown
from headwater.metadata.redaction import redact
from headwater.metadata.static.model import ConnApi, ConnStr


class DatasetName(NamedTuple):
    """Of a dataset; unique within its namespace."""

    namespace: str
    name: str


def dataset_at(address: str) -> DatasetName:
    """Return what an address leads to: a file, an object on S3, a page. Credentials and query are left out."""
    if "://" not in address:
        return DatasetName("file", redact(address))
    parts = urlsplit(shown(address))
    path = parts.path.lstrip("/") if parts.scheme == "s3" else parts.path
    return DatasetName(f"{parts.scheme}://{parts.netloc}", redact(path) or "/")


def connection_part(source: Named, conn: ConnStr | ConnApi | None, column: str) -> str:
    """Return what a connection says, without credentials and query."""
    text = expand(getattr(conn, column), source)
    return shown(text) if "://" in text else text
