"""Fixtures of the extract room: a job instance to write in the name of, publishers that misbehave."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.extract.landing.store import ObjectStore
from tests.support.loader import Loader
from tests.support.publisher import Publisher


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


@pytest.fixture
def loader(database: Engine, store: ObjectStore, job_inst_id: int) -> Loader:
    """Loads contents into raw, in the test's database."""
    return Loader(database, store, job_inst_id)
