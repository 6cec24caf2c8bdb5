"""The rows of static metadata with which runs began, each set stored once for all its runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from headwater.metadata.process.tables import job_inst, job_metadata


def keep_job_metadata(connection: Connection, job: str, run_id: str, rows: Mapping[str, Any]) -> None:
    """Store the rows for a recorded run."""
    content_sha256 = hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()
    connection.execute(
        insert(job_metadata).values(content_sha256=content_sha256, rows=rows).on_conflict_do_nothing()
    )
    connection.execute(
        job_inst.update()
        .where(job_inst.c.job == job, job_inst.c.run_id == run_id)
        .values(metadata_sha256=content_sha256)
    )


def kept_job_metadata(connection: Connection, job_inst_id: int) -> Mapping[str, Any] | None:
    """Return the stored rows of a run; None if there are none."""
    ask = (
        sa.select(job_metadata.c.rows)
        .join(job_inst, job_inst.c.metadata_sha256 == job_metadata.c.content_sha256)
        .where(job_inst.c.job_inst_id == job_inst_id)
    )
    found: Mapping[str, Any] | None = connection.execute(ask).scalar_one_or_none()
    return found
