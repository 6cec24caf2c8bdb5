"""The S3 client: its settings, its retries, and readable errors."""

from __future__ import annotations

import configparser
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import Loader, create_loader
from botocore.parsers import ResponseParserError

from headwater.extract.connections.lasting import lasting
from headwater.metadata.environment import overlay, variables
from headwater.metadata.errors import StorageError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


REGION = "us-east-1"


ATTEMPTS = 10  # of a request, unless AWS_MAX_ATTEMPTS says otherwise, and to read on after a connection broke


FIRST_WAIT_S = 0.05  # doubled each time, up to …


LONGEST_WAIT_S = 20


CONNECT_TIMEOUT_S = 10


READ_TIMEOUT_S = 60  # without a byte


CONFLICT = frozenset({"409", "ConditionalRequestConflict", "OperationAborted"})


# permanent refusals, and what to do
REFUSED = {
    frozenset(
        {"403", "AccessDenied", "AllAccessDisabled", "Forbidden"}
    ): "credentials with the right to do this",
    frozenset(
        {
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "ExpiredToken",
            "InvalidToken",
            "TokenRefreshRequired",
        }
    ): "credentials that it takes: a key that exists, with its own secret, and that has not run out",
    frozenset({"NoSuchBucket"}): "a bucket that exists, in that account and region",
    frozenset({"InvalidBucketName"}): "a name that a bucket may have",
    frozenset({"PermanentRedirect", "AuthorizationHeaderMalformed"}): "the region in which the bucket lies",
    frozenset({"RequestTimeTooSkewed"}): "a clock of this machine that is right",
}


# the keys that one project among several may have of its own, as a session takes them
SESSION = {
    "AWS_ACCESS_KEY_ID": "aws_access_key_id",
    "AWS_SECRET_ACCESS_KEY": "aws_secret_access_key",
    "AWS_SESSION_TOKEN": "aws_session_token",
    "AWS_PROFILE": "profile_name",
    "AWS_DEFAULT_REGION": "region_name",
}


def keys_of_project() -> dict[str, str]:
    """Return the settings of a session that the project at work has of its own, beside those of the process."""
    return {setting: value for name, setting in SESSION.items() if (value := overlay().get(name))}


def new_session(**settings: Any) -> boto3.Session:
    """Return a session of its own that shares botocore's description of S3, which takes 60 ms to read."""
    core = botocore.session.get_session()
    core.register_component("data_loader", _loader(core.get_config_variable("data_path")))
    return boto3.Session(botocore_session=core, **settings)


@cache
def _loader(data_path: str | None) -> Loader:
    return create_loader(data_path)


def client_config(*, has_endpoint: bool, **more: Any) -> Config:
    """Return how a client of S3 waits and asks again; another store than AWS has its buckets in the path."""
    attempts = os.environ.get("AWS_MAX_ATTEMPTS") or str(ATTEMPTS)
    if not attempts.isdecimal():
        raise StorageError(f"AWS_MAX_ATTEMPTS is {attempts!r}, expected a number")
    return Config(
        s3={"addressing_style": "path" if has_endpoint else "auto"},
        retries={"mode": "standard", "total_max_attempts": int(attempts)},
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        request_checksum_calculation="when_required",  # other stores trip over trailing checksums
        response_checksum_validation="when_required",
        **more,
    )


def give_up_what_lasts(client: S3Client) -> None:
    """Make an S3 client stop after a permanent failure."""
    client.meta.events.register_first("needs-retry.s3", _give_up)


def _give_up(attempts: int, caught_exception: Exception | None = None, **_: object) -> None:
    will_last = lasting(caught_exception) if caught_exception else None
    if caught_exception is not None and will_last is not None and attempts >= will_last.tries:
        raise caught_exception


def wait_s(failures: int) -> float:
    return float(min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (failures - 1)))


def wait_for_conflict(attempts: int, response: Any = None, **_: object) -> float | None:
    """Seconds after which botocore asks again; None leaves it to botocore. `response` is its and the parsed one."""
    code = response[1].get("Error", {}).get("Code") if response else None
    return wait_s(attempts) if code in CONFLICT and attempts < ATTEMPTS else None


def tries_of(error: ClientError) -> int:
    """Return how often a request was sent."""
    return 1 + int(error.response["ResponseMetadata"].get("RetryAttempts", 0))


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def embedded_key(endpoint: str | None) -> dict[str, Any]:
    """The key of the embedded S3, as a client takes it, where that is what the endpoint is; else nothing."""
    local = variables()
    path = local.get("HEADWATER_S3_CREDENTIALS")
    if not path or f"s3={endpoint}" not in local.get("HEADWATER_EMBEDDED", "").split():
        return {}
    profiles = configparser.ConfigParser(interpolation=None)
    try:
        profiles.read_string(Path(path).read_text())
    except OSError as error:
        raise StorageError(f"the key of the embedded S3, {path}, cannot be read: {error.strerror}") from None
    return dict(profiles["headwater"])


@contextmanager
def said_plainly(what: str) -> Iterator[None]:
    """Raise `StorageError` with a readable message for an error of S3 or its client."""
    try:
        yield
    except ClientError as error:
        answer, tries, code = error.response.get("Error", {}), tries_of(error), code_of(error)
        often = f", {tries} times in a row: run again later" if tries > 1 else ""
        if expected := next((expected for codes, expected in REFUSED.items() if code in codes), ""):
            often = f". Expected {expected}"
        raise StorageError(
            f"{what}: S3 answers {code or '?'} to {error.operation_name}: {answer.get('Message', '')}{often}"
        ) from None
    except BotoCoreError as error:
        will_last = lasting(error)
        message = f"{error}" + (f" {will_last.message}, {will_last.expected}" if will_last else "")
        raise StorageError(
            f"{what}: {message.rstrip('.')}. Expected an S3 that AWS_ENDPOINT_URL and the other AWS variables name"
        ) from None
    except (ResponseParserError, KeyError) as error:
        raise StorageError(
            f"{what}: what answers is no S3 ({type(error).__name__}). "
            "Expected one that AWS_ENDPOINT_URL and the other AWS variables name"
        ) from None
