"""The object store: a bucket on S3, embedded or real, in which nothing is ever overwritten.

Facts live in keys and in manifest objects, never in object metadata, which not every S3 keeps. The client
retries with growing waits: S3's own faults (5xx, 429), connections that break or time out, and a key that
another client is writing (409). If an answer was lost after S3 had acted, the store compares the object with
the sent bytes.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO, Self, TypedDict

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from urllib3.exceptions import HTTPError

from headwater.extract.landing.s3_client import (
    ATTEMPTS,
    REGION,
    client_config,
    code_of,
    embedded_key,
    give_up_what_lasts,
    keys_of_project,
    new_session,
    said_plainly,
    tries_of,
    wait_for_conflict,
    wait_s,
)
from headwater.metadata.environment import variables
from headwater.metadata.errors import StorageError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef


BUCKET = "headwater"


PART_SIZE = 8 << 20  # bytes


PARTS = 10_000  # of one object, so it may have 78 GiB


TAKEN = frozenset({"412", "PreconditionFailed"})


ENDED = frozenset({"404", "NoSuchUpload"})


MISSING = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound"})


class _Place(TypedDict):
    """The place of an object, as the client takes it."""

    Bucket: str
    Key: str


class ObjectStore:
    """One bucket. Every method raises `StorageError` if S3 refuses or is unreachable."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client, self.bucket = client, bucket

    @classmethod
    def from_environment(cls) -> Self:
        """Return the bucket that HEADWATER_BUCKET names (default `headwater`), created if it is missing.

        The usual AWS variables (AWS_ENDPOINT_URL, AWS_PROFILE …) name server and credentials. The embedded S3
        always uses its own key.
        """
        local = variables()
        endpoint = local.get("AWS_ENDPOINT_URL_S3") or local.get("AWS_ENDPOINT_URL")
        bucket = local.get("HEADWATER_BUCKET") or BUCKET
        with said_plainly(f"bucket {bucket}"):
            session = new_session(**keys_of_project())
            region = session.region_name or REGION
            client = session.client(
                "s3", config=client_config(has_endpoint=bool(endpoint)), region_name=region,
                endpoint_url=endpoint, **embedded_key(endpoint),
            )  # fmt: skip
            client.meta.events.register("needs-retry.s3", wait_for_conflict)
            give_up_what_lasts(client)
            store = cls(client, bucket)
            if not store._exists():
                place: Any = {"CreateBucketConfiguration": {"LocationConstraint": region}}
                with suppress(client.exceptions.BucketAlreadyOwnedByYou):  # another process was faster
                    client.create_bucket(Bucket=bucket, **({} if region == REGION else place))
        return store

    def address(self, key: str) -> str:
        """The object's address, `s3://bucket/key`."""
        return f"s3://{self.bucket}/{key}"

    def key(self, address: str) -> str:
        """The key in an address of this bucket. Raises `StorageError` for another bucket's."""
        prefix = self.address("")
        if not address.startswith(prefix):
            raise StorageError(
                f"{address} does not lie in {prefix}: expected HEADWATER_BUCKET to name its bucket"
            )
        return address.removeprefix(prefix)

    def put_new(self, key: str, body: bytes) -> bool:
        """Store `body` under `key`; False, and nothing stored, when the key is taken."""
        with said_plainly(self.address(key)):
            try:
                self._client.put_object(Bucket=self.bucket, Key=key, Body=body, IfNoneMatch="*")
            except ClientError as error:
                if code_of(error) not in TAKEN:
                    raise
                # a client that tries again may find what its own first try has stored
                return tries_of(error) > 1 and self.get(key) == body
        return True

    def upload_new(self, key: str, stream: BinaryIO) -> bool:
        """Store all that `stream` gives; False, and nothing stored, when the key is taken."""
        with self.upload(key) as upload:
            while chunk := stream.read(PART_SIZE):
                upload.write(chunk)
            return upload.complete()

    @contextmanager
    def upload(self, key: str) -> Iterator[Upload]:
        """An upload to write to; leaving it without `complete()` leaves nothing behind."""
        upload = Upload(self, key)
        try:
            yield upload
        finally:
            upload.abort()

    def get(self, key: str) -> bytes:
        """The whole object; for small ones. Raises `StorageError` when there is none."""
        body = b""
        with self.open(key) as stream:
            while chunk := stream.read():
                body += chunk
        return body

    def open(self, key: str) -> ObjectReader:
        """Read an object from beginning to end, in constant memory."""
        return ObjectReader(self._client, self.bucket, key)

    def list(self, prefix: str) -> Iterator[str]:
        """The keys that begin with `prefix`, in order."""
        with said_plainly(self.address(prefix)):
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket, Prefix=prefix):
                yield from (found["Key"] for found in page.get("Contents", ()))

    def delete(self, key: str) -> None:
        """Delete an object that no manifest names."""
        with said_plainly(self.address(key)):
            self._client.delete_object(Bucket=self.bucket, Key=key)

    def _exists(self) -> bool:
        try:
            self._client.head_bucket(Bucket=self.bucket)
        except ClientError as error:
            if code_of(error) in MISSING:
                return False
            raise
        return True


class Upload:
    """An object in the making, in parts of `PART_SIZE`; nobody sees it before `complete()`."""

    def __init__(self, store: ObjectStore, key: str) -> None:
        self._store, self._key = store, key
        self._client = store._client
        self._place: _Place = {"Bucket": store.bucket, "Key": key}
        self._id: str | None = None
        self._begin()

    @property
    def sha256(self) -> str:
        """Digest (hex) of all bytes since the last restart."""
        return self._digest.hexdigest()

    def write(self, chunk: bytes) -> None:
        """Append bytes."""
        self._buffer += chunk
        self._digest.update(chunk)
        self.size += len(chunk)
        while len(self._buffer) > PART_SIZE:
            self._send_part(bytes(self._buffer[:PART_SIZE]))
            del self._buffer[:PART_SIZE]

    def restart(self) -> None:
        """Forget what was written and begin again."""
        self.abort()
        self._begin()

    def complete(self) -> bool:
        """Make it an object; False, and nothing stored, when the key is taken."""
        if self._id is None:  # small enough for one request
            return self._store.put_new(self._key, bytes(self._buffer))
        self._send_part(bytes(self._buffer))
        with said_plainly(self.address):
            try:
                self._client.complete_multipart_upload(
                    **self._place, UploadId=self._id, MultipartUpload={"Parts": self._parts}, IfNoneMatch="*"
                )
            except ClientError as error:
                is_lost = (
                    tries_of(error) > 1 and code_of(error) in TAKEN | ENDED
                )  # what an earlier try was told
                if not (is_lost and self._is_stored()):
                    if code_of(error) not in TAKEN:
                        raise
                    return False
        self._id = None
        return True

    def abort(self) -> None:
        """Remove the parts that were sent; after `complete()` there are none. What stays, nobody sees."""
        upload_id, self._id = self._id, None
        if upload_id is not None:
            with suppress(StorageError), said_plainly(self.address):
                self._client.abort_multipart_upload(**self._place, UploadId=upload_id)

    @property
    def address(self) -> str:
        return self._store.address(self._key)

    def _begin(self) -> None:
        self._buffer, self._digest, self.size = bytearray(), hashlib.sha256(), 0
        self._parts: list[CompletedPartTypeDef] = []

    def _send_part(self, part: bytes) -> None:
        number = len(self._parts) + 1
        if number > PARTS:
            raise StorageError(
                f"{self.address}: more than {PARTS * PART_SIZE} bytes, expected a file that fits into one object"
            )
        with said_plainly(self.address):
            if self._id is None:
                self._id = self._client.create_multipart_upload(**self._place)["UploadId"]
            sent = self._client.upload_part(**self._place, UploadId=self._id, PartNumber=number, Body=part)
            self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})

    def _is_stored(self) -> bool:
        """Return whether the object is there, with what was written: the answer to a first try may have been lost."""
        stored = hashlib.sha256()
        try:
            with self._store.open(self._key) as stream:
                while stream.size == self.size and (chunk := stream.read(PART_SIZE)):
                    stored.update(chunk)
        except StorageError:
            return False
        return stored.digest() == self._digest.digest()


class ObjectReader:
    """An object as a stream; when the connection breaks it reads on where it was."""

    def __init__(self, client: S3Client, bucket: str, key: str) -> None:
        self._client, self._bucket, self._key = client, bucket, key
        self._position = 0
        with said_plainly(self.name):
            answer = client.get_object(Bucket=bucket, Key=key)
            self.etag, self.size, self._body = answer["ETag"], answer["ContentLength"], answer["Body"]
            self.last_modified = answer["LastModified"]

    @property
    def name(self) -> str:
        return f"s3://{self._bucket}/{self._key}"

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes (all that is left when negative); b"" at the end."""
        wanted = self.size - self._position if size < 0 else min(size, self.size - self._position)
        if not wanted:
            return b""
        reason = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(wait_s(attempt))
                self._reopen()
            try:
                chunk: bytes = self._body.read(wanted)
            except (BotoCoreError, HTTPClientError, HTTPError, OSError) as error:
                reason = f" ({error})"
                continue
            if chunk:
                self._position += len(chunk)
                return chunk
        raise StorageError(
            f"{self.name}: the body broke off at byte {self._position} of {self.size}, "
            f"{ATTEMPTS} times in a row{reason}: run again later"
        )

    def close(self) -> None:
        self._body.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _reopen(self) -> None:
        self._body.close()
        with said_plainly(self.name):
            answer = self._client.get_object(
                Bucket=self._bucket, Key=self._key, Range=f"bytes={self._position}-", IfMatch=self.etag
            )
        self._body = answer["Body"]
        if self._position and not answer.get("ContentRange", "").startswith(f"bytes {self._position}-"):
            raise StorageError(
                f"{self.name}: S3 does not go on at byte {self._position}, expected one that knows ranges"
            )
