"""Making the tables of sources anew from S3 and the metadata; deliveries, verdicts and decisions stay."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from psycopg2.errors import DependentObjectsStillExist
from sqlalchemy import Engine

from extract.store import ObjectStore
from headwater.project import Project
from headwater.run import Run, RunResult, Say, chosen, prepare
from metadata.errors import HeadwaterError, StorageError
from metadata.process.definitions import depending_on
from metadata.process.deliveries import lock_source
from metadata.process.left_open import close_abandoned
from metadata.process.tables import delivery

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
    registered first. Killed half-way, the next run goes on where it stopped. Raises `StorageError`, and nothing
    is forgotten, when S3 does not answer or lacks a delivery.
    """
    catalog, engine = prepare(project, lambda catalog: chosen(catalog, names))
    sources = chosen(catalog, names)
    store = ObjectStore.from_environment()
    for source in sources:
        _require_archived(engine, store, source.name)
    close_abandoned(engine)
    for source in sources:
        forget_layers(engine, source.name)
    say(f"forgot the tables of {', '.join(source.name for source in sources)}")
    return Run(project, engine, store, catalog, sources, say, is_offline=True).whole()


def forget_layers(engine: Engine, source: str) -> None:
    """Drop the tables of a source and what was recorded of them, in one transaction.

    Raises `HeadwaterError`, and nothing is dropped, when something else depends on them.
    """
    try:
        with engine.begin() as connection:
            lock_source(connection, source)
            for statement in _FORGET:
                connection.execute(sa.text(statement.format(source=source)), {"source": source})
    except sa.exc.InternalError as error:
        if not isinstance(error.orig, DependentObjectsStillExist):
            raise
        raise HeadwaterError(
            f"{source}: {depending_on(error.orig)}. Drop what depends on the tables of the source, then rebuild: it"
            " makes them anew."
        ) from None


def _require_archived(engine: Engine, store: ObjectStore, source: str) -> None:
    """The tables may go only if S3 has what they are made of."""
    there = {store.address(key) for key in store.list(f"landed/{source}/")}
    with engine.connect() as connection:
        known: Sequence[str] = connection.scalars(
            sa.select(delivery.c.delivery_filename)
            .where(delivery.c.source == source)
            .order_by(delivery.c.delivery_sqn)
        ).all()
    if lacking := [address for address in known if address not in there]:
        raise StorageError(
            f"{source}: S3 lacks {len(lacking)} of {len(known)} deliveries, first {lacking[0]}. The tables were left as"
            " they are, for they could not be made anew."
        )
