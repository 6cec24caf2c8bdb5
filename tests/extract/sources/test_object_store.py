"""Objects of a bucket as deliveries: what is new is landed, and listing costs a request for each thousand."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

import boto3
import pytest

from headwater.extract.landing.store import ObjectReader, ObjectStore
from headwater.extract.run import ExtractSummary, extract_source
from headwater.extract.sources import object_store
from headwater.metadata.errors import PublisherError
from headwater.metadata.static.model import ConnStr, DataSource, Source
from tests.support.loader import Loader
from tests.support.sources import make_source

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "depot"
PATTERN = r"places-(?P<date>\d{8})\.csv$"


def source_of(
    address: str = f"s3://{BUCKET}/out/", *, options: dict[str, str] | None = None, **conn: Any
) -> Source:
    facts = {"server": None, "username": None, "secret_ref": None, "conn_options": None, **conn}
    return make_source(
        options={"file_pattern": PATTERN, **(options or {})},
        data_source=DataSource("depot", "object_store", "Files of the depot"),
        conn_str=ConnStr(
            "depot_files", "depot", facts["server"], None, facts["username"], facts["secret_ref"],
            facts["conn_options"], address, None,
        ),
    )  # fmt: skip


@pytest.fixture
def depot(store: ObjectStore) -> Iterator[S3Client]:
    """Another bucket, of a publisher, on the test's S3."""
    assert store.bucket != BUCKET
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket=BUCKET)
    yield client
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        for found in page.get("Contents", ()):
            client.delete_object(Bucket=BUCKET, Key=found["Key"])
    client.delete_bucket(Bucket=BUCKET)


def put(depot: S3Client, key: str, content: str = "id,name\n1,x\n") -> None:
    depot.put_object(Bucket=BUCKET, Key=key, Body=content.encode())


def extract(loader: Loader, source: Source) -> ExtractSummary:
    return extract_source(loader.engine, loader.store, source, loader.job_inst_id, lambda *_, **__: None)


def test_new_objects_below_the_prefix_are_deliveries(depot: S3Client, loader: Loader) -> None:
    for key in (
        "out/places-20260301.csv",
        "out/2026/places-20260302.csv",
        "in/places-20260303.csv",
        "out/readme.txt",
    ):
        put(depot, key)
    found = extract(loader, source_of())
    assert [(d.publisher_name, d.delivery_date) for d in found.landed] == [
        ("places-20260301.csv", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026/places-20260302.csv", datetime(2026, 3, 2, tzinfo=UTC)),
    ]
    again = extract(loader, source_of())
    assert (again.offered, again.known, again.landed) == (2, 2, [])
    put(depot, "out/places-20260304.csv")
    put(depot, "out/places-20260301.csv", "id,name\n1,y\n")
    assert [d.publisher_name for d in extract(loader, source_of()).landed] == [
        "places-20260301.csv", "places-20260304.csv",
    ]  # fmt: skip


def test_an_object_may_be_dated_by_its_last_change(depot: S3Client, loader: Loader) -> None:
    put(depot, "out/places-now.csv")
    [landed] = extract(
        loader, source_of(options={"file_pattern": r"places-\w+\.csv$", "date_from": "header"})
    ).landed
    assert abs(landed.delivery_date - datetime.now(UTC)) < timedelta(minutes=5)
    assert set(landed.fingerprint) == {"etag", "size", "last_modified"}


def test_an_object_that_changes_while_it_is_read_comes_as_it_is_then(
    depot: S3Client, loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(depot, "out/places-20260301.csv", "id,name\n" + "1,x\n" * 1_000_000)
    proper, count = ObjectReader.read, 0

    def disturbed(stream: ObjectReader, size: int = -1) -> bytes:
        nonlocal count
        count += 1
        if count == 2:
            put(depot, "out/places-20260301.csv", "id,name\n2,new\n")
            stream._reopen()  # as after a connection that broke
        return proper(stream, size)

    monkeypatch.setattr(ObjectReader, "read", disturbed)
    [landed] = extract(loader, source_of()).landed
    assert landed.file_size == len("id,name\n2,new\n")
    monkeypatch.undo()
    assert not loader.query("select 1 from metadata.delivery where file_size > 100")


@pytest.mark.parametrize(
    ("address", "conn", "message"),
    [
        (
            f"s3://{BUCKET}/nothing/",
            {},
            r"places: none of the 0 objects below s3://depot/nothing/ matches the file_pat",
        ),
        ("s3://no-such-bucket/", {}, "places: s3://no-such-bucket/: S3 answers NoSuchBucket"),
        (
            "http://depot/",
            {},
            "depot_files names no bucket, expected a url_template such as s3://bucket/prefix/",
        ),
        (
            f"s3://{BUCKET}/",
            {"server": "depot"},
            "has the server depot, expected one such as https://s3.example.org",
        ),
        (
            f"s3://{BUCKET}/",
            {"conn_options": "zone=a"},
            "options of depot_files: zone is not an option of an object_store, expected one",
        ),
        (f"s3://{BUCKET}/", {"username": "AKIA"}, "has a username or a secret_ref, expected both"),
    ],
)
@pytest.mark.usefixtures("depot")
def test_what_cannot_be_listed_is_said(
    loader: Loader, address: str, conn: dict[str, Any], message: str
) -> None:
    with pytest.raises(PublisherError, match=message):
        extract(loader, source_of(address, **conn))


def test_a_name_without_a_date_is_named(depot: S3Client, loader: Loader) -> None:
    put(depot, "out/places-20261399.csv")
    with pytest.raises(PublisherError, match=r"places-20261399.csv: '20261399' in its name is no date"):
        extract(loader, source_of())


class Depot(BaseHTTPRequestHandler):
    """An S3 that has many objects, and shows who asks."""

    count = 0
    asked: list[tuple[str, str]] = []  # noqa: RUF012

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        self.asked.append((query.get("prefix", [""])[0], self.headers.get("Authorization", "")))
        begin = int(query.get("continuation-token", ["0"])[0])
        end = min(begin + int(query.get("max-keys", ["1000"])[0]), self.count)
        objects = "".join(
            f"<Contents><Key>{escape(f'out/{n:06}/places-20260301.csv')}</Key>"
            "<LastModified>2026-03-01T00:00:00.000Z</LastModified>"
            f'<ETag>"{n:032x}"</ETag><Size>12</Size></Contents>'
            for n in range(begin, end)
        )
        more = f"<NextContinuationToken>{end}</NextContinuationToken>" if end < self.count else ""
        body = (
            "<ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><Name>depot</Name>"
            f"<IsTruncated>{str(end < self.count).lower()}</IsTruncated>{more}{objects}</ListBucketResult>"
        ).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(count: int) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    handler = type("Handler", (Depot,), {"count": count, "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", handler.asked  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("count", [2_500, pytest.param(100_000, marks=pytest.mark.long)])
def test_listing_costs_a_request_for_each_thousand(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPOT_SECRET", "pl4nted-secret")
    with serving(count) as (address, asked):
        source = source_of(server=address, username="AKIADEPOT", secret_ref="env:DEPOT_SECRET")
        assert sum(1 for _ in object_store.discover(source)) == count
    assert len(asked) == -(-count // 1000)
    assert {prefix for prefix, _ in asked} == {"out/"}
    assert all("Credential=AKIADEPOT/" in who and "pl4nted" not in who for _, who in asked)


def test_who_needs_no_key_sends_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ours")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-our-archive")
    with serving(1) as (address, asked):
        list(object_store.discover(source_of(server=address)))
        list(object_store.discover(source_of(server=address, conn_options="anonymous=true")))
    assert "Credential=ours/" in asked[0][1]
    assert asked[1][1] == ""
