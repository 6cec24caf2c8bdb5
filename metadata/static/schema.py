"""The layout of the eleven tables: their columns, and what a cell may hold.

`seeds/_seeds.yml` says the same to dbt, with descriptions; a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headwater.metadata.static.extensions import SOURCES, TRANSFORMS
from headwater.metadata.static.source_schedule import SOURCE_SCHEDULES

Kind = Literal[
    "text",  # anything
    "name",  # a safe name: it becomes an identifier somewhere
    "table",  # a table's name, with its schema
    "boolean",  # true or false
    "accepted",  # one of `accepted`
    "reference",  # the key of a row of the table `refers_to`
    "references",  # several of them, separated by |
    "count",  # a whole number from 1
    "number",  # a whole number from 0
    "percentage",  # a number from 0 to 100
    "schedule",  # five cron fields or an @word
    "source_schedule",  # one of `accepted`, five cron fields or an @word
    "time_zone",  # of IANA's names
    "deciders",  # users, and roles as role:name, separated by |
    "function",  # package.module:function, or the name of an extension of `group`
    "source_type",  # the name of a type of data source
    "secret",  # where a secret is, never the secret
    "json",  # JSON
    "moment",  # a day, or a moment in UTC
    "spelled",  # text whose white space and nothing are spelled
]


@dataclass(frozen=True)
class Column:
    """A column of a table. `free` cells may begin and end with white space.

    `group` is that of the extensions whose names it may hold. A file may lack each column that is not `required`: its
    cells are then blank, so that a table may grow without breaking the files that people have. A `former` column is
    read where a file still has it, and is in no file that Headwater writes.
    """

    name: str
    kind: Kind = "text"
    required: bool = False
    accepted: tuple[str, ...] = ()
    group: str | None = None
    refers_to: str | None = None
    free: bool = False
    former: bool = False


@dataclass(frozen=True)
class Table:
    """A table and its columns; `keys` are the sets of columns that are unique, the first names a row.

    One that `may_be_missing` is younger than the projects that people have: without its file it is empty. Some of the
    rows of one that `has_defaults` follow from sources, and stand in no file (see `defaults`).
    """

    name: str
    keys: tuple[tuple[str, ...], ...]
    columns: tuple[Column, ...]
    may_be_missing: bool = False
    has_defaults: bool = False

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of all columns, former ones included."""
        return tuple(column.name for column in self.columns)

    @property
    def current_names(self) -> tuple[str, ...]:
        """The names of the columns that a new file has."""
        return tuple(column.name for column in self.columns if not column.former)


PAGINATION_TYPES = ("none", "page", "offset", "cursor", "link_header", "next_url")


def _key(name: str) -> Column:
    return Column(name, "name", required=True)


def _ref(name: str, table: str | None = None, required: bool = False) -> Column:
    return Column(name, "reference", required=required, refers_to=table or name)


def _flag(name: str, required: bool = False) -> Column:
    return Column(name, "boolean", required=required)


def _one(name: str, *accepted: str, required: bool = True) -> Column:
    return Column(name, "accepted", required=required, accepted=accepted)


def _need(name: str) -> Column:
    return Column(name, required=True)


_SOURCE_TYPE = Column("data_source_type", "source_type", required=True, group=SOURCES)

_TABLES = (
    Table(
        "data_source",
        (("data_source",),),
        (_key("data_source"), _SOURCE_TYPE, _need("description")),
    ),
    Table(
        "conn_str",
        (("conn_str",),),
        (
            _key("conn_str"),
            _ref("data_source", required=True),
            Column("server"),
            Column("database_name"),
            Column("username"),
            Column("secret_ref", "secret"),
            Column("options"),
            Column("url_template"),
            Column("file_path"),
        ),
    ),
    Table(
        "conn_api",
        (("conn_api",),),
        (
            _key("conn_api"),
            _ref("data_source", required=True),
            _ref("parent_conn_api", "conn_api"),
            _need("api_url"),
            _one("http_method", "GET", "POST"),
            _flag("need_token", required=True),
            Column("secret_ref", "secret"),
            Column("payload_json", "json"),
            _one("pagination_type", *PAGINATION_TYPES),
            Column("page_param_name"),
            Column("per_page_param_name"),
            Column("page_size", "count"),
            Column("cursor_param_name"),
            Column("cursor_path"),
            _flag("use_incremental"),
            Column("modified_since_param"),
        ),
    ),
    Table(
        "tbl",
        (("tbl",),),
        (
            Column("tbl", "table", required=True),
            _ref("data_source", required=True),
            Column("incr_column"),
            _one("data_size", "small", "large"),
        ),
        has_defaults=True,
    ),
    Table(
        "sql_script",
        (("sql_script",),),
        (
            _key("sql_script"),
            _flag("is_stored_proc", required=True),
            Column("sql_text", required=True, free=True),
        ),
    ),
    Table(
        "job",
        (("job",),),
        (
            _key("job"),
            _flag("is_etl"),
            _one("etl_steps", "E", "ETL", "TL", required=False),
            _flag("is_full_load"),
            _flag("del_temp_data"),
            _one("job_type", "batch", "stream", "maintenance", required=False),
            Column("schedule", "schedule"),
            Column("after_job", "references", refers_to="job"),
            Column("owner"),
            _flag("is_active"),
            Column("description"),
            Column("retries", "number"),
            Column("retry_delay_s", "count"),
            Column("timeout_min", "count"),
            Column("max_active_runs", "count"),
            Column("max_parallel", "count"),
            Column("pool"),
            Column("priority", "count"),
            Column("deadline_min", "count"),
            Column("time_zone", "time_zone"),
            Column("may_decide", "deciders"),
        ),
        has_defaults=True,
    ),
    Table(
        "job_task",
        (("job_task",),),
        (
            Column("job_task", "name", required=True),
            _ref("job", required=True),
            _one("etl_step", "E", "T", "L", required=False),
            Column("step_seq", "count", required=True),
            _flag("is_active", required=True),
            _ref("source"),
            _ref("sql_script"),
            Column("python_callable", "function"),
            _ref("conn_str"),
            _ref("conn_api"),
            _ref("src_tbl", "tbl"),
            _ref("tgt_tbl", "tbl"),
        ),
        has_defaults=True,
    ),
    Table(
        "source",
        (("source",),),
        (
            _key("source"),
            _ref("job"),
            _ref("data_source", required=True),
            Column("connection"),
            _need("owner"),
            Column("schedule", "source_schedule", required=True, accepted=SOURCE_SCHEDULES),
            _need("geographic_granularity"),
            _one("delivery_type", "snapshot", "partition_snapshot", "delta"),
            Column("extract_function", "function", group=SOURCES),
            Column("wrangle_function", "function", group=TRANSFORMS),
            Column("quality_checks", "json", former=True),
            _flag("load_new"),
            _flag("load_changed"),
            _flag("load_removed"),
            _one("on_null_key", "fall_out", "halt", required=False),
            _one("on_duplicate_key", "halt", "last_wins", required=False),
            _one("on_unknown_column", "halt", "ignore", "keep", required=False),
            Column("max_removed_pct", "percentage"),
            Column("max_fallen_out_pct", "percentage"),
            Column("partition_by"),
            _need("description"),
        ),
    ),
    Table(
        "attribute",
        (("source", "target_name"), ("source", "source_name")),
        (
            _ref("source", required=True),
            Column("source_name", "spelled", required=True),
            Column("target_name", "name", required=True),
            _need("target_datatype"),
            Column("format"),
            Column("null_tokens", "spelled"),
            _flag("is_key"),
            _flag("is_tracked"),
            _flag("is_optional"),
            _one("untracked_policy", "keep_first", "keep_latest", required=False),
            _need("description"),
        ),
    ),
    Table(
        "source_attribute",
        (("source", "name", "valid_from"),),
        (_ref("source", required=True), _need("name"), _need("value"), Column("valid_from", "moment")),
    ),
    Table(
        "quality_check",
        (("source", "expectation", "column_name", "parameters"),),
        (
            _ref("source", required=True),
            _need("expectation"),
            Column("column_name"),
            Column("parameters"),
            _one("severity", "critical", "warning", required=False),
            Column("description"),
        ),
        may_be_missing=True,
    ),
)

TABLES = {table.name: table for table in _TABLES}
