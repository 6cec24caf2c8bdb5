"""Making the tables of sources anew from S3 and the metadata; deliveries, verdicts and decisions stay."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import Engine

from extract.store import ObjectStore
from headwater.project import Project
from headwater.run import Run, RunResult, Say, chosen, prepare
from metadata.process.deliveries import lock_source
from metadata.process.jobs import close_abandoned

_FORGET = (
    'drop table if exists raw."{source}", staging."stg_{source}", historical."{source}"',
    "delete from metadata.delivery_status using metadata.delivery"
    " where delivery.delivery_sqn = delivery_status.delivery_sqn and source = :source"
    " and layer in ('raw', 'staging', 'historical')",
    "delete from metadata.quarantined_row using metadata.delivery"
    " where delivery.delivery_sqn = quarantined_row.delivery_sqn and source = :source",
    "delete from metadata.source_definition where source = :source",
)


def rebuild(project: Project, names: Sequence[str], say: Say) -> RunResult:
    """Forget raw, staging and historical of the named sources, or of all, and load them again from S3.

    Nothing is fetched from a publisher. In an empty database every delivery and event that S3 has is
    registered first. Killed half-way, the next run goes on where it stopped.
    """
    catalog, engine = prepare(project)
    sources = chosen(catalog, names)
    close_abandoned(engine)
    for source in sources:
        forget_layers(engine, source.name)
    say(f"forgot the tables of {', '.join(source.name for source in sources)}")
    return Run(
        project, engine, ObjectStore.from_environment(), catalog, sources, say, is_offline=True
    ).whole()


def forget_layers(engine: Engine, source: str) -> None:
    """Drop the tables of a source and what was recorded of them, in one transaction."""
    with engine.begin() as connection:
        lock_source(connection, source)
        for statement in _FORGET:
            connection.execute(sa.text(statement.format(source=source)), {"source": source})
