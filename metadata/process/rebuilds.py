"""Rebuilds: raw and staging of a source are set aside during a rebuild, and restored if it fails.

The historical table stays unchanged until the new history replaces it, in the transaction that ends the
rebuild (the macro `swap_history`). A rebuild belongs to a job instance: once that has ended, set-aside tables
are restored.
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from psycopg2.errors import DependentObjectsStillExist
from sqlalchemy import Connection, Engine

from headwater.metadata.errors import HeadwaterError
from headwater.metadata.process.definitions import depending_on
from headwater.metadata.process.deliveries import lock_source
from headwater.metadata.process.tables import job_inst, rebuild


def set_aside(connection: Connection, source: str, job_inst_id: int) -> None:
    """Begin the rebuild of a source: set aside its raw and staging tables and the records of all layers.

    Raises `HeadwaterError` while another process rebuilds the source.
    """
    lock_source(connection, source)
    other = connection.execute(
        sa.select(job_inst.c.run_id, job_inst.c.status)
        .join(rebuild, rebuild.c.job_inst_id == job_inst.c.job_inst_id)
        .where(rebuild.c.source == source)
    ).one_or_none()
    if other is not None and other.status == "running":
        raise HeadwaterError(
            f"{source}: the run {other.run_id} rebuilds it at this moment. Expected one rebuild at a time: wait for its"
            " end."
        )
    put_back(connection, source)
    ask = sa.text("select metadata.set_layers_aside(:source, :job_inst_id)")
    connection.execute(ask, {"source": source, "job_inst_id": job_inst_id})


def is_set_aside(connection: Connection, source: str, job_inst_id: int) -> bool:
    """Return whether the layers of a source are set aside by a job instance."""
    ask = sa.exists().where(rebuild.c.source == source, rebuild.c.job_inst_id == job_inst_id)
    return bool(connection.execute(sa.select(ask)).scalar())


def put_back(connection: Connection, source: str) -> bool:
    """Restore tables and records to the begin of the rebuild of a source; False if there is none.

    The caller holds the source's lock.
    """
    ask = sa.text("select metadata.put_layers_back(:source)")
    return bool(connection.execute(ask, {"source": source}).scalar_one())


def put_back_abandoned(engine: Engine) -> list[str]:
    """Restore the tables of rebuilds whose job instance has ended; return their sources."""
    left = (
        sa.select(rebuild.c.source)
        .join(job_inst, job_inst.c.job_inst_id == rebuild.c.job_inst_id)
        .where(job_inst.c.status != "running")
        .order_by(rebuild.c.source)
    )
    with engine.connect() as connection:
        sources: list[str] = list(connection.scalars(left))
    done = []
    for source in sources:
        with engine.begin() as connection:
            lock_source(connection, source)
            if connection.execute(left.where(rebuild.c.source == source)).one_or_none() is None:
                continue  # another process has done so meanwhile
            put_back(connection, source)
            done.append(source)
    return done


def require_droppable(connection: Connection, source: str, history: Mapping[str, str]) -> None:
    """Raise `HeadwaterError` if an object depends on a table or column that a rebuild will drop.

    `history` are the columns, with their types, of the new historical table. Drops nothing.
    """
    ask = "select kind, metadata.stored_type(kind) from unnest(cast(:kinds as text[])) as kind"
    stored = {row[0]: row[1] for row in connection.execute(sa.text(ask), {"kinds": list(history.values())})}
    columns = ", ".join(
        f"{connection.dialect.identifier_preparer.quote_identifier(name)} {stored[kind]}"
        for name, kind in history.items()
    )
    trial = connection.begin_nested()
    try:
        for layer, table in (("raw", source), ("staging", f"stg_{source}")):
            place = connection.dialect.identifier_preparer.quote_identifier(table)
            connection.exec_driver_sql(f"drop table if exists {layer}.{place}")
        connection.exec_driver_sql(f"create temporary table shape_of_history ({columns})")
        lost = connection.scalars(
            sa.text(
                "select metadata.columns_lost(to_regclass(format('historical.%I', cast(:source as text))),"
                " 'pg_temp.shape_of_history')"
            ),
            {"source": source},
        ).all()
        for statement in lost:
            connection.exec_driver_sql(statement.replace("%", "%%"))
    except sa.exc.InternalError as error:
        if not isinstance(error.orig, DependentObjectsStillExist):
            raise
        raise HeadwaterError(
            f"{source}: {depending_on(error.orig)}. Drop what depends on it, then rebuild: what reads the columns of"
            " history that stay may go on reading them."
        ) from None
    finally:
        trial.rollback()
