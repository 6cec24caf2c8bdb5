"""The inputs of the marts: a run rebuilds marts if history or their models have changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.dbt_project.model_files import ModelFiles
from headwater.project import Project

LOCK = "marts"  # of whoever builds them
TASK = "marts"  # on record with what they were made of


def models(project: Project) -> list[Path]:
    """Return the files of all models behind history, in the order of their paths."""
    files = ModelFiles(project.models)
    return [files.paths[name] for name in files.behind_history]


def unbuilt(engine: Engine, sources: Iterable[str]) -> list[str]:
    """Return the sources without a history, whose marts cannot be built."""
    asked = sa.text(
        "select name from unnest(cast(:names as text[])) with ordinality as sources (name, place)"
        " where to_regclass(format('historical.%I', name)) is null order by place"
    )
    with engine.connect() as connection:
        return list(connection.execute(asked, {"names": list(sources)}).scalars())


def made_of(project: Project, engine: Engine, unbuilt: Sequence[str]) -> str:
    """Return the present inputs of the marts: the loads of history, the models' texts, and the sources
    without history.
    """
    written = b"".join(path.read_bytes() for path in models(project))
    texts = hashlib.md5(written, usedforsecurity=False).hexdigest()
    loads = "delivery_sqn || ' ' || status || ' ' || status_at"
    with engine.connect() as connection:
        history: str | None = connection.execute(
            sa.text(
                f"select md5(string_agg({loads}, ',' order by delivery_sqn))"
                " from metadata.delivery_status where layer = 'historical'"
            )
        ).scalar()
    return " ".join([history or "empty", texts, *unbuilt])


def last_made_of(engine: Engine) -> str | None:
    """Return the inputs of the last successful build."""
    with engine.connect() as connection:
        last: str | None = connection.execute(
            sa.text(
                "select parameters ->> 'made_of' from metadata.job_inst_task"
                " where task = :task and status = 'succeeded' order by job_inst_task_id desc limit 1"
            ),
            {"task": TASK},
        ).scalar()
    return last
