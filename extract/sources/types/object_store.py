"""The type `object_store`: objects of a bucket on S3, below a prefix."""

from __future__ import annotations

import re

from headwater.extract.connections.dataset_name import DatasetName, connection_part, dataset_at
from headwater.metadata.static.model import Source
from headwater.metadata.static.naming import one_of
from headwater.metadata.static.options import FILE_OPTIONS
from headwater.metadata.static.problem import Problems
from headwater.metadata.static.rows import Row
from headwater.metadata.static.secrecy import holds_secret
from headwater.metadata.static.source_type import Sampling, SourceType, Wrong

_CONNECTION_OPTIONS = ("region", "anonymous")
_BUCKET_URL = re.compile(r"s3://([^\s/]+)(/[^\s]*)?|\$\{[A-Z][A-Z0-9_]*\}[^\s]*")


def _check_connection(row: Row, problems: Problems) -> None:
    url, secret = row["url_template"], row.text("secret_ref")
    if url and not _BUCKET_URL.fullmatch(url) and not holds_secret(url):
        expected = "s3://bucket/prefix/ or ${NAME}…"
        problems.add("conn_str", row, "url_template", f'"{url}" is not the address of a bucket', expected)
    if row["username"] is not None and not secret:
        expected = "where the secret of the access key is"
        problems.add("conn_str", row, "secret_ref", "is blank beside a username", expected)
    if secret and row["username"] is None and not secret.startswith("airflow:"):
        problems.add("conn_str", row, "username", "is blank beside a secret_ref", "the id of the access key")


def _connection_option_problem(name: str, value: str) -> Wrong | None:
    if name not in _CONNECTION_OPTIONS:
        return f"{name} is not an option of an object_store", one_of(_CONNECTION_OPTIONS, name)
    if name == "anonymous" and value not in ("true", "false"):
        return f'anonymous is "{value}"', "true or false"
    return None


def _bucket(source: Source) -> DatasetName:
    return dataset_at(connection_part(source, source.conn_str, "url_template"))


SOURCE_TYPE = SourceType(
    name="object_store",
    description="objects of a bucket on S3, below a prefix",
    discover="headwater.extract.sources.object_store:discover",
    fetch_by_address="headwater.extract.sources.object_store:fetch_by_address",
    connection_needs=("url_template",),
    options=FILE_OPTIONS,
    check_connection=_check_connection,
    connection_option_problem=_connection_option_problem,
    dataset_name=_bucket,
    sampling=Sampling(names_have_folders=True),
)
