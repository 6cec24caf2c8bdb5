"""A peer loads the awkward series of deliveries, as a program in the environment of that peer.

    python -m benchmarks.behaviour_peers dbt|dlt|sqlmesh|sql FOLDER

Prints, as JSON, by series the versions: customer, city, valid_from and valid_to as dates; and its error, if there is
one. The database is that of libpq's variables.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2

from benchmarks.awkward import ARRIVAL_DAYS, SERIES, Snapshot, date_of

Errors = dict[str, str]


def deliver(cursor: Any, table: str, snapshot: Snapshot) -> None:
    """Replace the content of a delivered table by a snapshot."""
    cursor.execute(
        f"create table if not exists {table} (customer text, city text, delivered_at timestamp); delete from {table}"
    )
    values = [(*row, snapshot.date) for row in snapshot.rows]
    cursor.executemany(f"insert into {table} values (%s, %s, %s)", values)


def deliver_all(schema: str, arrival: int) -> None:
    """Deliver the same arrival of every series to tables of a schema."""
    connection = psycopg2.connect("")
    with connection, connection.cursor() as cursor:
        cursor.execute(f"create schema if not exists {schema}")
        for name, series in SERIES.items():
            deliver(cursor, f"{schema}.{name}", series.arrivals[arrival])
    connection.close()


def by_dbt(folder: Path) -> Errors:
    """Take dbt snapshots: strategy check, `updated_at` the delivery date, hard deletes invalidate."""
    from dbt.cli.main import dbtRunner  # type: ignore[import-not-found,unused-ignore]

    profile = {
        "type": "postgres", "host": os.environ["PGHOST"], "port": int(os.environ["PGPORT"]),
        "user": os.environ["PGUSER"], "password": os.environ["PGPASSWORD"], "dbname": os.environ["PGDATABASE"],
        "schema": "by_dbt", "threads": 1,
    }  # fmt: skip
    config = {
        "schema": "history", "unique_key": "customer", "strategy": "check", "check_cols": ["city"],
        "updated_at": "delivered_at", "hard_deletes": "invalidate",
    }  # fmt: skip
    snapshots = [
        {"name": f"{name}_history", "relation": f"source('dbt_in', '{name}')", "config": config}
        for name in SERIES
    ]
    sources = [{"name": "dbt_in", "tables": [{"name": name} for name in SERIES]}]
    files = {
        "dbt_project.yml": {
            "name": "peer", "version": "1.0.0", "profile": "peer", "flags": {"send_anonymous_usage_stats": False},
        },
        "profiles.yml": {"peer": {"target": "bench", "outputs": {"bench": profile}}},
        "models/sources.yml": {"sources": sources},
        "snapshots/snapshots.yml": {"snapshots": snapshots},
    }  # fmt: skip
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))  # JSON is YAML
    errors: Errors = {}
    for arrival in range(len(ARRIVAL_DAYS)):
        deliver_all("dbt_in", arrival)
        command = ["snapshot", "--quiet", "--project-dir", str(folder), "--profiles-dir", str(folder)]
        result = dbtRunner().invoke(command)
        if result.exception:
            raise result.exception
        nodes: Any = result.result  # of a snapshot: a RunExecutionResult
        for node in nodes or ():
            if str(node.status) not in ("success", "NodeStatus.Success"):
                errors[node.node.name.removesuffix("_history")] = str(node.message)
    return errors


def by_dlt(folder: Path) -> Errors:
    """Merge by dlt's scd2, with the delivery date as boundary timestamp."""
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
    import dlt  # type: ignore[import-not-found,unused-ignore]
    from dlt.pipeline.exceptions import PipelineStepFailed  # type: ignore[import-not-found,unused-ignore]

    address = "postgresql://{PGUSER}:{PGPASSWORD}@{PGHOST}:{PGPORT}/{PGDATABASE}".format_map(os.environ)
    pipeline = dlt.pipeline(
        "behaviour",
        pipelines_dir=str(folder),
        dataset_name="by_dlt",
        destination=dlt.destinations.postgres(credentials=address),
    )
    errors: Errors = {}
    for arrival in range(len(ARRIVAL_DAYS)):
        for name, series in SERIES.items():
            snapshot = series.arrivals[arrival]
            merge = {"disposition": "merge", "strategy": "scd2", "boundary_timestamp": snapshot.date}
            rows = [{"customer": customer, "city": city} for customer, city in snapshot.rows]
            try:
                pipeline.run(rows, table_name=name, write_disposition=merge)
            except PipelineStepFailed as error:
                errors[name] = str(error)
                pipeline.drop_pending_packages()
    return errors


def by_sqlmesh(folder: Path) -> Errors:
    """Run models of the kind SCD_TYPE_2_BY_COLUMN, with the day of arrival as execution time."""
    from sqlmesh import Context  # type: ignore[import-not-found,unused-ignore]

    connection = {
        "type": "postgres", "host": os.environ["PGHOST"], "port": int(os.environ["PGPORT"]),
        "user": os.environ["PGUSER"], "password": os.environ["PGPASSWORD"], "database": os.environ["PGDATABASE"],
    }  # fmt: skip
    config = {
        "gateways": {"bench": {"connection": connection}}, "default_gateway": "bench",
        "model_defaults": {"dialect": "postgres", "start": "2025-12-30"}, "disable_anonymized_analytics": True,
    }  # fmt: skip
    (folder / "models").mkdir(parents=True)
    (folder / "config.yaml").write_text(json.dumps(config))
    for name in SERIES:
        (folder / "models" / f"{name}.sql").write_text(
            f"model (name by_sqlmesh.{name}, cron '@daily', kind scd_type_2_by_column (unique_key customer,"
            f" columns [city], invalidate_hard_deletes true, execution_time_as_valid_from true));\n"
            f"select customer::text, city::text from sqlmesh_in.{name}"
        )
    errors: Errors = {}
    for arrival, day in enumerate(ARRIVAL_DAYS):
        deliver_all("sqlmesh_in", arrival)
        context = Context(paths=[str(folder)])
        if arrival == 0:
            context.plan(execution_time=date_of(day), auto_apply=True, no_prompts=True)
        else:
            status = context.run(execution_time=date_of(day), ignore_cron=True)
            if status.is_failure:
                errors |= dict.fromkeys(SERIES, "the run failed")
    return errors


SQL = """
create temporary table difference on commit drop as
select coalesce(new.customer, old.customer) as customer, new.city, old.customer is null as is_new,
    new.customer is null as is_removed
from (select * from {history} where valid_to is null) as old
full join {delivered} as new on new.customer = old.customer
where old.customer is null or new.customer is null or new.city is distinct from old.city;
update {history} as version set valid_to = '{date}' from difference
where version.customer = difference.customer and version.valid_to is null and not difference.is_new;
insert into {history} select customer, city, '{date}' from difference where not is_removed;
"""


def by_sql(_: Path) -> Errors:
    """Load by hand: a full join with the current versions, close, insert, commit."""
    errors: Errors = {}
    for arrival in range(len(ARRIVAL_DAYS)):
        deliver_all("sql_in", arrival)
        for name, series in SERIES.items():
            connection = psycopg2.connect("")
            history = f"by_sql.{name}"
            try:
                with connection, connection.cursor() as cursor:
                    cursor.execute(
                        "create schema if not exists by_sql; create table if not exists"
                        f" {history} (customer text, city text, valid_from timestamp, valid_to timestamp);"
                        f" create unique index if not exists {name}_current on {history} (customer)"
                        " where valid_to is null"
                    )
                    date = series.arrivals[arrival].date
                    cursor.execute(SQL.format(history=history, delivered=f"sql_in.{name}", date=date))
            except psycopg2.Error as error:
                errors[name] = str(error).strip()
            connection.close()
    return errors


PEERS: dict[str, tuple[Callable[[Path], Errors], str, str, str]] = {  # load, table, valid_from, valid_to
    "dbt": (by_dbt, "by_dbt_history.{}_history", "dbt_valid_from", "dbt_valid_to"),
    "dlt": (by_dlt, "by_dlt.{}", "_dlt_valid_from", "_dlt_valid_to"),
    "sqlmesh": (by_sqlmesh, "by_sqlmesh.{}", "valid_from", "valid_to"),
    "sql": (by_sql, "by_sql.{}", "valid_from", "valid_to"),
}


def main(peer: str, folder: str) -> None:
    load, table, valid_from, valid_to = PEERS[peer]
    errors = load(Path(folder))
    found = {}
    connection = psycopg2.connect("")
    with connection, connection.cursor() as cursor:
        cursor.execute("set timezone to 'UTC'")
        for name in SERIES:
            cursor.execute(
                f"select customer, city, {valid_from}::date::text, {valid_to}::date::text"
                f" from {table.format(name)} order by customer, {valid_from}, {valid_to}, city"
            )
            found[name] = {"versions": cursor.fetchall(), "error": errors.get(name)}
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
