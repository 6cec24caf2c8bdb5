"""The object store: a bucket on S3, embedded or real, in which nothing is ever overwritten.

Facts live in keys and in manifest objects, never in object metadata: not every S3 keeps it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO, Self

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from urllib3.exceptions import HTTPError

from metadata.errors import StorageError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

BUCKET = "headwater"
REGION = "us-east-1"
PART_SIZE = 8 << 20  # bytes; S3 takes 10,000 parts, so an object may have 78 GiB
ATTEMPTS = 4  # to read on after a connection broke
TAKEN = frozenset({"412", "PreconditionFailed", "409", "ConditionalRequestConflict"})
MISSING = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound"})


class ObjectStore:
    """One bucket. Every method raises `StorageError` when S3 refuses or cannot be reached."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client, self.bucket = client, bucket

    @classmethod
    def from_environment(cls) -> Self:
        """The bucket that HEADWATER_BUCKET names (default `headwater`), made when it is missing.

        Where S3 is and who we are, is said by the usual AWS variables (AWS_ENDPOINT_URL, AWS_PROFILE …).
        """
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        config = Config(
            s3={"addressing_style": "path" if endpoint else "auto"},
            retries={"mode": "standard", "max_attempts": ATTEMPTS},
            request_checksum_calculation="when_required",  # other stores trip over trailing checksums
            response_checksum_validation="when_required",
        )
        bucket = os.environ.get("HEADWATER_BUCKET") or BUCKET
        with _said_plainly(f"bucket {bucket}"):
            session = boto3.Session()
            region = session.region_name or REGION
            client = session.client("s3", config=config, region_name=region)
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
        with _said_plainly(self.address(key)):
            try:
                self._client.put_object(Bucket=self.bucket, Key=key, Body=body, IfNoneMatch="*")
            except ClientError as error:
                if _code(error) not in TAKEN:
                    raise
                # a client that tries again may find what its own first try has stored
                return bool(error.response["ResponseMetadata"].get("RetryAttempts")) and self.get(key) == body
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
        upload = Upload(self._client, self.bucket, key)
        try:
            yield upload
        finally:
            upload.abort()

    def get(self, key: str) -> bytes:
        """The whole object; for small ones. Raises `StorageError` when there is none."""
        with _said_plainly(self.address(key)):
            body: bytes = self._client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return body

    def open(self, key: str) -> ObjectReader:
        """Read an object from beginning to end, in constant memory."""
        return ObjectReader(self._client, self.bucket, key)

    def list(self, prefix: str) -> Iterator[str]:
        """The keys that begin with `prefix`, in order."""
        with _said_plainly(self.address(prefix)):
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket, Prefix=prefix):
                yield from (found["Key"] for found in page.get("Contents", ()))

    def delete(self, key: str) -> None:
        """Remove an object that nothing speaks of: never one that a manifest names."""
        with _said_plainly(self.address(key)):
            self._client.delete_object(Bucket=self.bucket, Key=key)

    def _exists(self) -> bool:
        try:
            self._client.head_bucket(Bucket=self.bucket)
        except ClientError as error:
            if _code(error) in MISSING:
                return False
            raise
        return True


class Upload:
    """An object in the making, in parts of `PART_SIZE`; nobody sees it before `complete()`."""

    def __init__(self, client: S3Client, bucket: str, key: str) -> None:
        self._client, self._bucket, self._key = client, bucket, key
        self._buffer = bytearray()
        self._id: str | None = None
        self._parts: list[CompletedPartTypeDef] = []

    def write(self, chunk: bytes) -> None:
        """Append bytes."""
        self._buffer += chunk
        while len(self._buffer) > PART_SIZE:
            self._send_part(bytes(self._buffer[:PART_SIZE]))
            del self._buffer[:PART_SIZE]

    def restart(self) -> None:
        """Forget what was written and begin again."""
        self.abort()
        self._buffer.clear()
        self._parts = []

    def complete(self) -> bool:
        """Make it an object; False, and nothing stored, when the key is taken."""
        with _said_plainly(f"s3://{self._bucket}/{self._key}"):
            try:
                if self._id is None:  # small enough for one request
                    self._client.put_object(
                        Bucket=self._bucket, Key=self._key, Body=bytes(self._buffer), IfNoneMatch="*"
                    )
                    return True
                self._send_part(bytes(self._buffer))
                self._client.complete_multipart_upload(
                    Bucket=self._bucket, Key=self._key, UploadId=self._id,
                    MultipartUpload={"Parts": self._parts}, IfNoneMatch="*",
                )  # fmt: skip
            except ClientError as error:
                if _code(error) in TAKEN:
                    return False
                raise
            self._id = None
        return True

    def abort(self) -> None:
        """Remove the parts that were sent; after `complete()` there are none."""
        upload_id, self._id = self._id, None
        if upload_id is not None:
            with _said_plainly(f"s3://{self._bucket}/{self._key}"):
                self._client.abort_multipart_upload(Bucket=self._bucket, Key=self._key, UploadId=upload_id)

    def _send_part(self, part: bytes) -> None:
        with _said_plainly(f"s3://{self._bucket}/{self._key}"):
            if self._id is None:
                made = self._client.create_multipart_upload(Bucket=self._bucket, Key=self._key)
                self._id = made["UploadId"]
            number = len(self._parts) + 1
            sent = self._client.upload_part(
                Bucket=self._bucket, Key=self._key, UploadId=self._id, PartNumber=number, Body=part
            )
            self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})


class ObjectReader:
    """An object as a stream; when the connection breaks it reads on where it was."""

    def __init__(self, client: S3Client, bucket: str, key: str) -> None:
        self._client, self._bucket, self._key = client, bucket, key
        self._position = 0
        with _said_plainly(self.name):
            answer = client.get_object(Bucket=bucket, Key=key)
        self._etag, self.size, self._body = answer["ETag"], answer["ContentLength"], answer["Body"]

    @property
    def name(self) -> str:
        return f"s3://{self._bucket}/{self._key}"

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes (all that is left when negative); b"" at the end."""
        wanted = self.size - self._position if size < 0 else min(size, self.size - self._position)
        if not wanted:
            return b""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                chunk: bytes = self._body.read(wanted)
            except (BotoCoreError, HTTPClientError, HTTPError, OSError) as error:
                if attempt == ATTEMPTS:
                    raise StorageError(
                        f"{self.name}: reading broke off at byte {self._position}: {error}"
                    ) from None
                chunk = b""
            if chunk:
                self._position += len(chunk)
                return chunk
            self._reopen()
        raise StorageError(f"{self.name}: ended at byte {self._position}, expected {self.size}")

    def close(self) -> None:
        self._body.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _reopen(self) -> None:
        self._body.close()
        with _said_plainly(self.name):
            self._body = self._client.get_object(
                Bucket=self._bucket, Key=self._key, Range=f"bytes={self._position}-", IfMatch=self._etag
            )["Body"]


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def _said_plainly(what: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        told = error.response.get("Error", {})
        raise StorageError(
            f"{what}: S3 answers {told.get('Code', '?')} to {error.operation_name}: {told.get('Message', '')}"
        ) from None
    except BotoCoreError as error:
        raise StorageError(
            f"{what}: {error}. Expected an S3 that AWS_ENDPOINT_URL and the other AWS variables name"
        ) from None
