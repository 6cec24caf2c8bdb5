"""The data source type `object_store`: objects of a bucket on S3, below a prefix, whose names match the pattern.

The conn_str's url_template is `s3://bucket/prefix`; `file_pattern` matches what follows the prefix. `date_from` is
`name` (the pattern's group `date`) or `header`, the moment at which the object was last written. Who we are, a
`username` (the access key's id) with a `secret_ref` says, or else the usual AWS variables, files and roles; `server`
is the address of an S3 that is not AWS.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore import UNSIGNED

from headwater.extract.connections.conn_options import options_of
from headwater.extract.connections.environment import expand
from headwater.extract.connections.secrets import resolve
from headwater.extract.landing.s3_client import client_config, give_up_what_lasts, new_session, said_plainly
from headwater.extract.landing.store import ObjectReader
from headwater.extract.offers.delivery_date import date_in_name, file_pattern
from headwater.extract.offers.offer import Offer, Sink
from headwater.metadata.errors import DeliveryIncomplete, PublisherError, StorageError
from headwater.metadata.static.model import ConnStr, Source

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CHUNK = 1 << 20  # bytes
ATTEMPTS = 3


def discover(source: Source) -> Iterator[Offer]:
    """The objects of the source's prefix, by a request for each thousand.

    Raises `PublisherError` when they cannot be listed, none of them matches, or one has no date.
    """
    conn = source.conn_str
    if conn is None or not conn.url_template:
        raise PublisherError(
            f"{source.name}: no bucket, expected a conn_str with a url_template such as s3://bucket/prefix/"
        )
    place = urlsplit(expand(conn.url_template, source))
    bucket, prefix = place.netloc, place.path.lstrip("/")
    if place.scheme != "s3" or not bucket:
        raise PublisherError(
            f"{source.name}: {conn.name} names no bucket, expected a url_template such as s3://bucket/prefix/"
        )
    client, pattern = client_of(source, conn), file_pattern(source)
    fetch = partial(_fetch, client, _dated_by_change(source))
    by_change, count, found = _dated_by_change(source), 0, False
    for listed in _listed(source, client, bucket, prefix):
        count += 1
        name = listed["Key"].removeprefix(prefix).lstrip("/")
        match = pattern.search(name)
        if not match or listed["Key"].endswith("/"):  # a folder, as consoles make them
            continue
        found = True
        yield Offer(
            publisher_name=name,
            address=f"s3://{bucket}/{listed['Key']}",
            delivery_date=listed["LastModified"].astimezone(UTC)
            if by_change
            else date_in_name(source, name, match),
            fingerprint=_fingerprint(listed["ETag"], listed["Size"], listed["LastModified"]),
            fetch=fetch,
        )
    if not found:
        raise PublisherError(
            f"{source.name}: none of the {count} objects below s3://{bucket}/{prefix} matches the file_pattern"
            f" {pattern.pattern}"
        )


def fetch_by_address(source: Source) -> Callable[[Offer, Sink], Offer]:
    """The `fetch` of an offer of the source of which only the address is known."""
    assert source.conn_str is not None, "whoever listed it had one"
    return partial(_fetch, client_of(source, source.conn_str), _dated_by_change(source))


def _dated_by_change(source: Source) -> bool:
    return source.options.get("date_from") == "header"


def client_of(source: Source, conn: ConnStr) -> S3Client:
    """A client of the S3 that the conn_str names, with the credentials that it names."""
    options = options_of(source, conn, "object_store")
    endpoint = expand(conn.server, source) if conn.server else None
    secret = resolve(conn.secret_ref) if conn.secret_ref else None
    login = (expand(conn.username, source) if conn.username else None) or (secret.login if secret else None)
    if (secret is None) != (login is None):
        raise PublisherError(
            f"{source.name}: {conn.name} has a username or a secret_ref, expected both (the id of an access key and"
            " where its secret is) or neither"
        )
    more: dict[str, Any] = {"signature_version": UNSIGNED} if options.get("anonymous") == "true" else {}
    with _of_publisher(source), said_plainly(endpoint or "S3"):
        session = new_session(
            aws_access_key_id=login,
            aws_secret_access_key=secret.reveal() if secret else None,
            region_name=options.get("region"),
        )
        named = endpoint or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        config = client_config(has_endpoint=bool(named), **more)
        region = session.region_name or "us-east-1"
        try:
            client: S3Client = session.client("s3", endpoint_url=endpoint, config=config, region_name=region)
            give_up_what_lasts(client)
        except ValueError:
            raise PublisherError(
                f"{source.name}: {conn.name} has the server {endpoint}, expected one such as https://s3.example.org"
            ) from None
    return client


@contextmanager
def _of_publisher(source: Source) -> Iterator[None]:
    """Raise complaints of an S3 as the publisher's: it is not the one that we land in."""
    try:
        yield
    except StorageError as error:
        raise PublisherError(f"{source.name}: {error}") from None


def _listed(source: Source, client: S3Client, bucket: str, prefix: str) -> Iterator[Any]:
    with _of_publisher(source), said_plainly(f"s3://{bucket}/{prefix}"):
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            yield from page.get("Contents", ())


def _fetch(client: S3Client, by_change: bool, offer: Offer, sink: Sink) -> Offer:
    bucket, _, key = offer.address.removeprefix("s3://").partition("/")
    for attempt in range(ATTEMPTS):
        sink.restart()
        with ObjectReader(client, bucket, key) as stream:
            try:
                while chunk := stream.read(CHUNK):
                    sink.write(chunk)
            except StorageError:
                if attempt == ATTEMPTS - 1 or not _is_another(client, bucket, key, stream.etag):
                    raise
                continue
        date = stream.last_modified.astimezone(UTC) if by_change else offer.delivery_date
        fingerprint = _fingerprint(stream.etag, stream.size, stream.last_modified)
        return replace(offer, delivery_date=date, fingerprint=fingerprint)
    raise DeliveryIncomplete(f"{offer.address} changes while it is read, {ATTEMPTS} times in a row")


def _is_another(client: S3Client, bucket: str, key: str, etag: str) -> bool:
    """Return whether an object was overwritten since."""
    with said_plainly(f"s3://{bucket}/{key}"):
        return client.head_object(Bucket=bucket, Key=key)["ETag"] != etag


def _fingerprint(etag: str, size: int, last_modified: datetime) -> dict[str, str | int]:
    return {"etag": etag.strip('"'), "size": size, "last_modified": last_modified.astimezone(UTC).isoformat()}
