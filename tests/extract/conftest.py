"""Fixtures of the extract room: a job instance to write in the name of, publishers and stores that misbehave."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
import sqlalchemy as sa
from botocore.retries.standard import ExponentialBackoff
from sqlalchemy import Engine

from extract import store as store_module
from extract.store import ObjectStore
from headwater.services import children
from tests.extract.faulty_s3 import FaultyS3
from tests.extract.publisher import Publisher


@pytest.fixture
def job_inst_id(database: Engine) -> int:
    """A job instance in the test's database."""
    with database.begin() as connection:
        made: int = connection.execute(
            sa.text(
                "insert into metadata.job_inst (job, run_id, parameters, status, started_at)"
                " values ('test', 'test', '{}', 'running', now()) returning job_inst_id"
            )
        ).scalar_one()
    return made


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    """A web server on loopback that answers as the test tells it to."""
    with Publisher.running() as server:
        yield server


@pytest.fixture(scope="session")
def aws_session() -> boto3.Session:
    """One for all tests: it reads descriptions of S3, which takes longer than most of them."""
    return boto3.Session()


@pytest.fixture
def faulty(
    s3_server: children.Child, store: ObjectStore, aws_session: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FaultyS3]:
    """A proxy in front of the test's bucket, to which AWS_ENDPOINT_URL leads; `store` goes past it.

    Clients try again at once, and take half a second without a byte for a stall.
    """
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0)
    monkeypatch.setattr(store_module, "FIRST_WAIT_S", 0)
    monkeypatch.setattr(store_module, "READ_TIMEOUT_S", 0.5)
    monkeypatch.setattr(boto3, "Session", lambda: aws_session)
    with FaultyS3.running(s3_server.port, store.bucket) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield proxy
