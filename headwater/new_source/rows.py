"""The rows that a proposal adds to the seeds."""

from __future__ import annotations

from pathlib import Path

from headwater.metadata.static.load import Seeds
from headwater.metadata.static.source_schedule import default_cron
from headwater.metadata.static.spelling import spell
from headwater.new_source.look import is_unpivoted
from headwater.new_source.proposal import Proposal, ProposedAttribute
from headwater.new_source.table import CatalogedTable

Rows = dict[str, list[dict[str, str]]]

STEPS = "ETL"
LARGE = 100_000  # records of a delivery
MAX_REMOVED_PCT, MAX_FALLEN_OUT_PCT = "20", "1"


def rows_of(proposal: Proposal, seeds: Seeds) -> Rows:
    """Return the rows by table that do not follow from others; cells without a value, or with the default, are blank.

    Existing data sources and connections get no row, nor does the job of a source of the same name.
    """
    name, rows = proposal.name, Rows()
    conn_str = connection_of(proposal, seeds)
    if proposal.data_source not in seeds.by_name["data_source"]:
        rows["data_source"] = [_data_source(proposal)]
    if proposal.sample.connection is None and conn_str not in seeds.by_name["conn_str"]:
        rows["conn_str"] = [_conn_str(proposal, conn_str, seeds.folder.parent)]
    if proposal.table is not None and proposal.table.tbl not in seeds.by_name["tbl"]:
        rows["tbl"] = [_tbl(proposal, proposal.table)]
    if proposal.job_name != name and proposal.job_name not in seeds.by_name["job"]:
        rows["job"] = [_job(proposal)]
    rows["source"] = [_source(proposal, conn_str)]
    rows["attribute"] = [_attribute(proposal, attribute) for attribute in proposal.attributes]
    rows["source_attribute"] = [
        {"source": name, "name": option, "value": value} for option, value in proposal.options.items()
    ]
    return {table: some for table, some in rows.items() if some}


def connection_of(proposal: Proposal, seeds: Seeds) -> str:
    """Return the connection of the data source that leads to the sample, or the name of a new one."""
    if proposal.sample.connection is not None:
        return proposal.sample.connection.name
    places = {proposal.sample.address, _place(proposal, seeds.folder.parent)}
    for row in seeds.rows["conn_str"]:
        place = row.text("url_template") or row.text("file_path")
        if row.text("data_source") == proposal.data_source and place in places:
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


def _conn_str(proposal: Proposal, conn_str: str, root: Path) -> dict[str, str]:
    row = {"conn_str": conn_str, "data_source": proposal.data_source}
    place = _place(proposal, root)
    if proposal.sample.data_source_type == "rdbms":
        return {**row, "database_name": place, "url_template": "sqlite://"}
    column = "file_path" if proposal.sample.data_source_type == "local_files" else "url_template"
    return {**row, column: place}


def _place(proposal: Proposal, root: Path) -> str:
    """Return where the sample lies as the metadata say it: in the project's folder, wherever a clone of that is."""
    address = proposal.sample.address
    is_path = proposal.sample.data_source_type in ("local_files", "rdbms")
    if is_path and Path(address).is_relative_to(root):
        return str(Path("${HEADWATER_PROJECT}", Path(address).relative_to(root)))
    return address


def _job(proposal: Proposal) -> dict[str, str]:
    return {
        "job": proposal.job_name,
        "is_etl": "true",
        "etl_steps": STEPS,
        "is_full_load": _flag(proposal.delivery_type == "snapshot"),
        "del_temp_data": "false",
        "job_type": "batch",
        "schedule": default_cron(proposal.job_name, proposal.schedule),
        "owner": proposal.owner,
        "is_active": "true",
        "description": f"{proposal.job_name}, from {proposal.data_source} to history",
    }


def _source(proposal: Proposal, connection: str) -> dict[str, str]:
    is_snapshot = proposal.delivery_type == "snapshot"
    return {
        "source": proposal.name,
        "job": "" if proposal.job_name == proposal.name else proposal.job_name,
        "data_source": proposal.data_source,
        "connection": connection,  # a second one of the data source may come, and then it must not be in doubt
        "owner": proposal.owner,
        "schedule": proposal.schedule,
        "geographic_granularity": proposal.granularity,
        "delivery_type": proposal.delivery_type,
        "wrangle_function": "unpivot" if is_unpivoted(proposal.options) else "",
        "on_duplicate_key": "last_wins" if proposal.sample.sampling.holds_changes else "",
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
        "is_key": "true" if attribute.is_key else "",
        "is_optional": "true" if attribute.is_optional else "",
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


def _flag(is_so: bool) -> str:
    return "true" if is_so else "false"
