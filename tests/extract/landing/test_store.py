"""The object store against a real S3 server: nothing is overwritten, nothing half written is seen."""

from __future__ import annotations

import io
import os
from typing import Any

import pytest
from botocore.exceptions import ClientError

from headwater.extract.landing import s3_client
from headwater.extract.landing import store as store_module
from headwater.extract.landing.store import ObjectStore
from headwater.metadata.errors import StorageError

LARGE = os.urandom(20 << 20)  # three parts


def test_an_object_is_put_once(store: ObjectStore) -> None:
    assert store.put_new("a/b.json", b"first")
    assert not store.put_new("a/b.json", b"second")
    assert store.get("a/b.json") == b"first"


@pytest.mark.parametrize(("body", "is_ours"), [(b"first", True), (b"second", False)])
def test_a_put_that_was_tried_again_knows_its_own_object(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, body: bytes, is_ours: bool
) -> None:
    store.put_new("k", b"first")
    put = store._client.put_object

    def after_a_retry(**parts: Any) -> None:
        try:
            put(**parts)
        except ClientError as error:
            error.response["ResponseMetadata"]["RetryAttempts"] = 1
            raise

    monkeypatch.setattr(store._client, "put_object", after_a_retry)
    assert store.put_new("k", body) is is_ours


def test_objects_are_listed_by_prefix_in_order(store: ObjectStore) -> None:
    for key in ("a/2", "a/10", "b/1", "ab"):
        store.put_new(key, b"")
    assert list(store.list("a/")) == ["a/10", "a/2"]
    assert list(store.list("c/")) == []


def test_more_objects_than_a_page_are_listed(store: ObjectStore) -> None:
    for number in range(1005):
        store.put_new(f"many/{number:04d}", b"x")
    assert len(list(store.list("many/"))) == 1005


@pytest.mark.parametrize("size", [0, 1, store_module.PART_SIZE, store_module.PART_SIZE + 1, len(LARGE)])
def test_an_upload_of_any_size_is_whole_and_taken_once(store: ObjectStore, size: int) -> None:
    assert store.upload_new("k", io.BytesIO(LARGE[:size]))
    assert not store.upload_new("k", io.BytesIO(b"other"))
    with store.open("k") as stream:
        assert stream.size == size
        content = b""
        while chunk := stream.read(1 << 20):
            content += chunk
        assert content == LARGE[:size]


def test_an_upload_is_seen_only_when_it_is_complete(store: ObjectStore) -> None:
    with store.upload("k") as upload:
        upload.write(LARGE)
    assert list(store.list("")) == []


def test_an_upload_that_restarts_forgets_what_it_had(store: ObjectStore) -> None:
    with store.upload("k") as upload:
        upload.write(LARGE)
        upload.restart()
        upload.write(b"small")
        assert upload.complete()
    assert store.get("k") == b"small"


def test_a_key_taken_meanwhile_is_not_overwritten(store: ObjectStore) -> None:
    with store.upload("k") as upload:
        upload.write(LARGE)
        store.put_new("k", b"faster")
        assert not upload.complete()
    assert store.get("k") == b"faster"


def test_reading_goes_on_after_the_connection_broke(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_new("k", LARGE[:1_000_000])
    stream = store.open("k")
    content = stream.read(300_000)

    def broken(*_: Any) -> bytes:
        raise ConnectionResetError("gone")

    monkeypatch.setattr(stream._body, "read", broken)
    while chunk := stream.read(300_000):
        content += chunk
    assert content == LARGE[:1_000_000]


def test_reading_that_stays_broken_is_said(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put_new("k", b"content")
    stream = store.open("k")

    class Broken:
        def read(self, *_: Any) -> bytes:
            raise ConnectionResetError("gone")

        def close(self) -> None: ...

    stream._body = Broken()  # type: ignore[assignment]
    monkeypatch.setattr(stream, "_reopen", lambda: None)
    monkeypatch.setattr(s3_client, "FIRST_WAIT_S", 0)
    with pytest.raises(
        StorageError, match=r"^s3://test-\w+/k: the body broke off at byte 0 of 7, .*\(gone\)"
    ):
        stream.read(10)


def test_what_is_not_there_is_said_plainly(store: ObjectStore) -> None:
    with pytest.raises(StorageError, match=r"^s3://test-\w+/none: S3 answers NoSuchKey to GetObject: "):
        store.get("none")
    with pytest.raises(StorageError, match="NoSuchKey"):
        store.open("none")


@pytest.mark.usefixtures("store")
def test_a_server_that_is_not_there_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(store_module, "ATTEMPTS", 1)
    with pytest.raises(
        StorageError, match="Expected an S3 that AWS_ENDPOINT_URL and the other AWS variables name"
    ):
        ObjectStore.from_environment()


def test_a_bucket_is_made_once(store: ObjectStore) -> None:
    store.put_new("k", b"")
    again = ObjectStore.from_environment()
    assert again.bucket == store.bucket
    assert list(again.list("")) == ["k"]


def test_an_address_names_bucket_and_key(store: ObjectStore) -> None:
    assert store.key(store.address("a/b")) == "a/b"
    with pytest.raises(StorageError, match="expected HEADWATER_BUCKET to name its bucket"):
        store.key("s3://other/a/b")


def test_deleting_what_is_not_there_is_nothing(store: ObjectStore) -> None:
    store.put_new("k", b"")
    store.delete("k")
    store.delete("k")
    assert list(store.list("")) == []
