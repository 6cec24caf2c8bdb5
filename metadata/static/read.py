"""The static metadata from `seeds/`: CSV rows that pass every check, as the dataclasses of `model`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from headwater.metadata.errors import MetadataInvalid
from headwater.metadata.static.cell_types import moment_of
from headwater.metadata.static.check import load_and_check
from headwater.metadata.static.load import Seeds
from headwater.metadata.static.model import (
    Attribute,
    Catalog,
    ConnApi,
    ConnStr,
    DataSource,
    DatedOption,
    Job,
    JobTask,
    Source,
    SqlScript,
    Tbl,
)
from headwater.metadata.static.naming import names_in
from headwater.metadata.static.quality_rows import FORMER, check_of
from headwater.metadata.static.rows import Row
from headwater.metadata.static.source_types import connection_table, find_option, find_type, usual_options
from headwater.metadata.static.spelling import unspell, unspell_list

Made = TypeVar("Made")

# What a blank cell means, where it means anything but None.
_JOB_NUMBERS = {
    "retries": 2,
    "retry_delay_s": 30,
    "timeout_min": None,
    "max_active_runs": 1,
    "max_parallel": 4,
    "priority": 1,
    "deadline_min": None,
}
_DEFAULTS = {"on_null_key": "fall_out", "on_duplicate_key": "halt", "on_unknown_column": "keep"}


def read_catalog(seeds: Path) -> Catalog:
    """All static metadata of the folder. Raises `MetadataInvalid` with every problem when there is one."""
    tables, problems = load_and_check(seeds)
    if problems:
        raise MetadataInvalid(problems)
    return catalog_of(tables)


def catalog_of(tables: Seeds) -> Catalog:
    """The rows, in which nothing is wrong, as dataclasses."""
    data_sources = _by_name(tables, "data_source", _data_source)
    conn_strs = _by_name(
        tables, "conn_str", lambda row: ConnStr(row.text("conn_str"), **_rest(row, "conn_str"))
    )
    conn_apis = _by_name(tables, "conn_api", _conn_api)
    tbls = _by_name(tables, "tbl", lambda row: Tbl(row.text("tbl"), **_rest(row, "tbl")))
    sql_scripts = _by_name(tables, "sql_script", _sql_script)
    return Catalog(
        data_sources=data_sources,
        conn_strs=conn_strs,
        conn_apis=conn_apis,
        tbls=tbls,
        sql_scripts=sql_scripts,
        jobs=_by_name(tables, "job", _job),
        job_tasks=_by_name(tables, "job_task", _job_task),
        sources=_sources(tables, data_sources, conn_strs, conn_apis, tbls, sql_scripts),
    )


def _by_name(tables: Seeds, table: str, make: Callable[[Row], Made]) -> dict[str, Made]:
    return {row.text(table): make(row) for row in tables.rows[table]}


def _rest(row: Row, *left_out: str) -> dict[str, Any]:
    """The cells of a row as the fields of its dataclass; the checks have seen that they fit."""
    return {column: cell for column, cell in row.cells.items() if column not in left_out}


def _data_source(row: Row) -> DataSource:
    return DataSource(row.text("data_source"), **_rest(row, "data_source"))


def _conn_api(row: Row) -> ConnApi:
    page_size = row["page_size"]
    return ConnApi(
        name=row.text("conn_api"),
        need_token=row.is_true("need_token"),
        use_incremental=row.is_true("use_incremental"),
        page_size=int(page_size) if page_size else None,
        **_rest(row, "conn_api", "need_token", "use_incremental", "page_size"),
    )


def _sql_script(row: Row) -> SqlScript:
    return SqlScript(row.text("sql_script"), row.is_true("is_stored_proc"), row.text("sql_text"))


def _job(row: Row) -> Job:
    flags: dict[str, Any] = {
        flag: row.is_true(flag) for flag in ("is_etl", "is_full_load", "del_temp_data", "is_active")
    }
    numbers: dict[str, Any] = {
        name: default if row[name] is None else int(row.text(name)) for name, default in _JOB_NUMBERS.items()
    }
    lists: dict[str, Any] = {name: names_in(row[name]) for name in ("after_job", "may_decide")}
    return Job(
        name=row.text("job"), **flags, **numbers, **lists, **_rest(row, "job", *flags, *numbers, *lists)
    )


def _job_task(row: Row) -> JobTask:
    return JobTask(
        name=row.text("job_task"),
        step_seq=int(row.text("step_seq")),
        is_active=row.is_true("is_active"),
        **_rest(row, "job_task", "step_seq", "is_active"),
    )


def _sources(
    tables: Seeds,
    data_sources: Mapping[str, DataSource],
    conn_strs: Mapping[str, ConnStr],
    conn_apis: Mapping[str, ConnApi],
    tbls: Mapping[str, Tbl],
    sql_scripts: Mapping[str, SqlScript],
) -> dict[str, Source]:
    attributes = _by_source(tables, "attribute")
    checks = _by_source(tables, "quality_check")
    options: dict[str, dict[str, str]] = defaultdict(dict)
    dated: dict[str, list[DatedOption]] = defaultdict(list)
    types = {
        row.text("source"): data_sources[row.text("data_source")].data_source_type
        for row in tables.rows["source"]
    }
    for row in tables.rows["source_attribute"]:
        source, name, value = row.text("source"), row.text("name"), row.text("value")
        option = find_option(name, types[source])
        message = unspell(value) if option is not None and option.is_spelled else value
        if valid_from := row["valid_from"]:
            dated[source].append(DatedOption(name, message, moment_of(valid_from)))
        else:
            options[source][name] = message

    made: dict[str, Source] = {}
    for row in tables.rows["source"]:
        name, data_source = row.text("source"), data_sources[row.text("data_source")]
        by_api = connection_table(data_source.data_source_type) == "conn_api"
        connection = row.text("connection")
        conn_api = conn_apis[connection] if by_api else None
        options[name] = {**usual_options(data_source.data_source_type), **options[name]}
        made[name] = _source(
            row,
            data_source,
            attributes[name],
            options[name],
            sorted(dated[name], key=lambda option: option.valid_from),
            conn_str=None if by_api else conn_strs[connection],
            conn_api=conn_api,
            token_apis=token_apis(conn_api, conn_apis),
            quality_checks=tuple(map(check_of, checks[name])),
            tbl=tbls.get(options[name].get("tbl", "")),
            sql_script=sql_scripts.get(options[name].get("sql_script", "")),
        )
    return made


def _by_source(tables: Seeds, table: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in tables.rows[table]:
        found[row.text("source")].append(row)
    return found


def token_apis(conn_api: ConnApi | None, conn_apis: Mapping[str, ConnApi]) -> tuple[ConnApi, ...]:
    """The parents of an API's connection, the nearest first."""
    found: list[ConnApi] = []
    while conn_api is not None and conn_api.parent_conn_api is not None:
        conn_api = conn_apis[conn_api.parent_conn_api]
        found.append(conn_api)
    return tuple(found)


def _source(
    row: Row,
    data_source: DataSource,
    attributes: list[Row],
    options: Mapping[str, str],
    dated_options: Sequence[DatedOption],
    conn_str: ConnStr | None,
    conn_api: ConnApi | None,
    **more: Any,
) -> Source:
    declared = find_type(data_source.data_source_type)
    usual = declared.usual_null_tokens if declared else ("",)
    null_tokens = tuple(options["null_tokens"].split("|")) if "null_tokens" in options else usual
    policy: dict[str, Any] = {
        **{name: row.is_true(name, default=True) for name in ("load_new", "load_changed", "load_removed")},
        **{name: row[name] or default for name, default in _DEFAULTS.items()},
        **{name: _percentage(row[name]) for name in ("max_removed_pct", "max_fallen_out_pct")},
    }
    return Source(
        name=row.text("source"),
        data_source=data_source,
        attributes=tuple(_attribute(attribute, null_tokens) for attribute in attributes),
        options=options,
        conn_str=conn_str,
        conn_api=conn_api,
        dated_options=tuple(dated_options),
        partition_by=names_in(row["partition_by"]),
        **more,
        **policy,
        **_rest(row, "source", "data_source", "connection", "partition_by", FORMER, *policy),
    )


def _attribute(row: Row, null_tokens: tuple[str, ...]) -> Attribute:
    own_tokens, is_key = row["null_tokens"], row.is_true("is_key")
    return Attribute(
        source=row.text("source"),
        source_name=unspell(row.text("source_name")),
        target_name=row.text("target_name"),
        target_datatype=row.text("target_datatype"),
        format=row["format"],
        null_tokens=unspell_list(own_tokens) if own_tokens else null_tokens,
        is_key=is_key,
        is_tracked=not is_key and row.is_true("is_tracked", default=True),
        is_optional=row.is_true("is_optional"),
        untracked_policy="keep_latest" if row["untracked_policy"] == "keep_latest" else "keep_first",
        description=row.text("description"),
    )


def _percentage(cell: str | None) -> Decimal | None:
    return None if cell is None else Decimal(cell)
