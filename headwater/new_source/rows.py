"""The rows that a proposal adds to the seeds."""

from __future__ import annotations

from pathlib import Path

from headwater.metadata.static.load import Seeds
from headwater.metadata.static.model import WAREHOUSE
from headwater.metadata.static.source_types import connection_table
from headwater.metadata.static.spelling import spell
from headwater.new_source.look import is_unpivoted
from headwater.new_source.proposal import Proposal, ProposedAttribute
from headwater.new_source.table import CatalogedTable

Rows = dict[str, list[dict[str, str]]]

CRON = {
    "hourly": "0 * * * *",
    "daily": "0 6 * * *",
    "weekly": "0 6 * * 1",
    "monthly": "0 6 1 * *",
    "quarterly": "0 6 1 1,4,7,10 *",
    "yearly": "0 6 1 1 *",
}
STEPS = "ETL"
LARGE = 100_000  # records of a delivery
MAX_REMOVED_PCT, MAX_FALLEN_OUT_PCT = "20", "1"


def rows_of(proposal: Proposal, seeds: Seeds) -> Rows:
    """Return all rows by table; cells without a value are blank. Existing data sources and connections get no row."""
    name, rows = proposal.name, Rows()
    conn_str = connection_of(proposal, seeds)
    if proposal.data_source not in seeds.by_name["data_source"]:
        rows["data_source"] = [_data_source(proposal)]
    if proposal.sample.connection is None and conn_str not in seeds.by_name["conn_str"]:
        rows["conn_str"] = [_conn_str(proposal, conn_str)]
    if proposal.table is not None and proposal.table.tbl not in seeds.by_name["tbl"]:
        rows["tbl"] = [_tbl(proposal, proposal.table)]
    if proposal.job_name not in seeds.by_name["job"]:
        rows["job"] = [_job(proposal)]
    rows["source"] = [_source(proposal)]
    rows["attribute"] = [_attribute(proposal, attribute) for attribute in proposal.attributes]
    rows["source_attribute"] = [
        {"source": name, "name": option, "value": value}
        for option, value in {"conn_str": conn_str, **proposal.options}.items()
    ]
    if WAREHOUSE in seeds.by_name["data_source"] and WAREHOUSE in seeds.by_name["conn_str"]:
        rows["tbl"] = [*rows.get("tbl", []), *_tbls(proposal)]
        row = seeds.by_name["job"].get(proposal.job_name)
        rows["job_task"] = _job_tasks(proposal, conn_str, row.text("etl_steps") if row else STEPS)
    return rows


def connection_of(proposal: Proposal, seeds: Seeds) -> str:
    """Return the connection of the data source that leads to the sample, or the name of a new one."""
    if proposal.sample.connection is not None:
        return proposal.sample.connection.name
    for row in seeds.rows["conn_str"]:
        place = row.text("url_template") or row.text("file_path")
        if row.text("data_source") == proposal.data_source and place == proposal.sample.address:
            return row.text("conn_str")
    return own_connection(proposal.name, proposal.sample.data_source_type)


def own_connection(name: str, kind: str) -> str:
    """Return the name of a connection that is made for a source."""
    return f"{name}_{'database' if kind == 'rdbms' else 'files'}"


def _data_source(proposal: Proposal) -> dict[str, str]:
    kind = proposal.sample.data_source_type
    description = f"The database in {Path(proposal.sample.address).name}"
    if kind != "rdbms":
        where = "a folder" if kind == "local_files" else "the web"
        description = f"Files such as {proposal.sample.publisher_name}, in {where}"
    return {"data_source": proposal.data_source, "data_source_type": kind, "description": description}


def _conn_str(proposal: Proposal, conn_str: str) -> dict[str, str]:
    row = {"conn_str": conn_str, "data_source": proposal.data_source}
    if proposal.sample.data_source_type == "rdbms":
        return {**row, "database_name": proposal.sample.address, "url_template": "sqlite://"}
    column = "file_path" if proposal.sample.data_source_type == "local_files" else "url_template"
    return {**row, column: proposal.sample.address}


def _job(proposal: Proposal) -> dict[str, str]:
    return {
        "job": proposal.job_name,
        "is_etl": "true",
        "etl_steps": STEPS,
        "is_full_load": _flag(proposal.delivery_type == "snapshot"),
        "del_temp_data": "false",
        "job_type": "batch",
        "schedule": CRON.get(proposal.schedule, ""),
        "owner": proposal.owner,
        "is_active": "true",
        "description": f"{proposal.job_name}, from {proposal.data_source} to history",
    }


def _source(proposal: Proposal) -> dict[str, str]:
    is_snapshot = proposal.delivery_type == "snapshot"
    return {
        "source": proposal.name,
        "job": proposal.job_name,
        "data_source": proposal.data_source,
        "owner": proposal.owner,
        "schedule": proposal.schedule,
        "geographic_granularity": proposal.granularity,
        "delivery_type": proposal.delivery_type,
        "wrangle_function": "unpivot" if is_unpivoted(proposal.options) else "",
        "load_new": "true",
        "load_changed": "true",
        "load_removed": "true" if is_snapshot else "",
        "on_null_key": "fall_out",
        "on_duplicate_key": "last_wins" if proposal.sample.sampling.holds_changes else "halt",
        "on_unknown_column": "keep",
        "max_removed_pct": MAX_REMOVED_PCT if is_snapshot else "",
        "max_fallen_out_pct": MAX_FALLEN_OUT_PCT,
        "description": f"One row per {' and '.join(proposal.key)} of {proposal.name}",
    }


def _attribute(proposal: Proposal, attribute: ProposedAttribute) -> dict[str, str]:
    name = " ".join(attribute.column.name.split())
    return {
        "source": proposal.name,
        "source_name": spell(attribute.column.name),
        "target_name": attribute.target_name,
        "target_datatype": attribute.typed.datatype,
        "format": attribute.typed.format or "",
        "null_tokens": attribute.null_tokens or "",
        "is_key": _flag(attribute.is_key),
        "is_tracked": "" if attribute.is_key else "true",
        "is_optional": _flag(attribute.is_optional),
        "description": (attribute.comment or "").strip() or f"{name}, as the publisher calls it",
    }


def _tbl(proposal: Proposal, table: CatalogedTable) -> dict[str, str]:
    return {
        "tbl": table.tbl,
        "data_source": proposal.data_source,
        "incr_column": table.incr_column or "",
        "data_size": _size(proposal),
    }


def _size(proposal: Proposal) -> str:
    return "large" if proposal.size >= LARGE else "small"


def _tbls(proposal: Proposal) -> list[dict[str, str]]:
    size = _size(proposal)
    return [
        {"tbl": table, "data_source": WAREHOUSE, "incr_column": "delivery_sqn", "data_size": size}
        for table in tables_of(proposal.name)
    ]


def tables_of(name: str) -> tuple[str, str, str]:
    """Return the tables of a source in the database."""
    return f"raw.{name}", f"staging.stg_{name}", f"historical.{name}"


def _job_tasks(proposal: Proposal, conn_str: str, etl_steps: str) -> list[dict[str, str]]:
    """Return the tasks of the source that its job runs."""
    name, kind = proposal.name, proposal.sample.data_source_type
    raw, staging, historical = tables_of(name)
    steps = (
        (
            "extract",
            "E",
            {connection_table(kind): conn_str},
            proposal.table.tbl if proposal.table else "",
            raw,
        ),
        ("stage", "T", {"conn_str": WAREHOUSE}, raw, staging),
        ("historize", "L", {"conn_str": WAREHOUSE}, staging, historical),
    )
    return [
        {
            "job_task": f"{name}_{does}", "job": proposal.job_name, "etl_step": step, "step_seq": str(place),
            "is_active": "true", "source": name, **connection, "src_tbl": src, "tgt_tbl": tgt,
        }
        for place, (does, step, connection, src, tgt) in enumerate(steps, 1)
        if step in etl_steps
    ]  # fmt: skip


def _flag(is_so: bool) -> str:
    return "true" if is_so else "false"
