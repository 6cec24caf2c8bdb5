"""The layout of the ten tables: their columns, what a cell may hold, and which options a source may have.

`seeds/_seeds.yml` says the same to dbt, with descriptions; a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headwater.metadata.static.delivery_checks import DOUBTS, PERIODS, REACTIONS
from headwater.metadata.static.formats import FORMATS

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
    "time_zone",  # of IANA's names
    "deciders",  # users, and roles as role:name, separated by |
    "function",  # package.module:function, or the name of one of ours in `accepted`
    "secret",  # where a secret is, never the secret
    "json",  # JSON
    "moment",  # a day, or a moment in UTC
    "spelled",  # text whose white space and nothing are spelled
]


@dataclass(frozen=True)
class Column:
    """A column of a table. `free` cells may begin and end with white space.

    One that `may_lack` was added to a table that people have: a file without it has blank cells there.
    """

    name: str
    kind: Kind = "text"
    required: bool = False
    accepted: tuple[str, ...] = ()
    refers_to: str | None = None
    free: bool = False
    may_lack: bool = False


@dataclass(frozen=True)
class Table:
    """A table and its columns; `keys` are the sets of columns that are unique, the first names a row."""

    name: str
    keys: tuple[tuple[str, ...], ...]
    columns: tuple[Column, ...]

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


DATA_SOURCE_TYPES = ("http_files", "rest_api", "rdbms", "object_store", "kafka", "local_files")
WRANGLE_FUNCTIONS = ("unpivot",)
PAGINATION_TYPES = ("none", "page", "offset", "cursor", "link_header", "next_url")
SOURCE_SCHEDULES = (
    "hourly",
    "daily",
    "weekly",
    "monthly",
    "quarterly",
    "yearly",
    "irregular",
    "once",
    "continuous",
)


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


_TABLES = (
    Table(
        "data_source",
        (("data_source",),),
        (_key("data_source"), _one("data_source_type", *DATA_SOURCE_TYPES), _need("description")),
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
            _flag("is_etl", required=True),
            _one("etl_steps", "E", "ETL", "TL", required=False),
            _flag("is_full_load"),
            _flag("del_temp_data"),
            _one("job_type", "batch", "stream", "maintenance"),
            Column("schedule", "schedule"),
            Column("after_job", "references", refers_to="job"),
            _need("owner"),
            _flag("is_active", required=True),
            _need("description"),
            Column("retries", "number"),
            Column("retry_delay_s", "count"),
            Column("timeout_min", "count"),
            Column("max_active_runs", "count"),
            Column("max_parallel", "count"),
            Column("pool", may_lack=True),
            Column("priority", "count", may_lack=True),
            Column("deadline_min", "count", may_lack=True),
            Column("time_zone", "time_zone", may_lack=True),
            Column("may_decide", "deciders", may_lack=True),
        ),
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
    ),
    Table(
        "source",
        (("source",),),
        (
            _key("source"),
            _ref("job", required=True),
            _ref("data_source", required=True),
            _need("owner"),
            _one("schedule", *SOURCE_SCHEDULES),
            _need("geographic_granularity"),
            _one("delivery_type", "snapshot", "delta"),
            Column("extract_function", "function", accepted=DATA_SOURCE_TYPES),
            Column("wrangle_function", "function", accepted=WRANGLE_FUNCTIONS),
            Column("quality_checks", "json"),
            _flag("load_new"),
            _flag("load_changed"),
            _flag("load_removed"),
            _one("on_null_key", "fall_out", "halt", required=False),
            _one("on_duplicate_key", "halt", "last_wins", required=False),
            _one("on_unknown_column", "halt", "ignore", "keep", required=False),
            Column("max_removed_pct", "percentage"),
            Column("max_fallen_out_pct", "percentage"),
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
            _need("description"),
        ),
    ),
    Table(
        "source_attribute",
        (("source", "name", "valid_from"),),
        (_ref("source", required=True), _need("name"), _need("value"), Column("valid_from", "moment")),
    ),
)

TABLES = {table.name: table for table in _TABLES}

# The options of `source_attribute` by what their value is.
OptionKind = Literal[
    "text",
    "regex",
    "line_regex",
    "list",
    "token",
    "character",
    "boolean",
    "number",
    "count",
    "encoding",
    "date_format",
    "watermark_format",
    "date",
    "choice",
    "record_path",
    "fixed_columns",
    "lag",
    "topic",
    "json",
]
OPTIONS: dict[str, OptionKind] = {
    "conn_str": "text",
    "tbl": "text",
    "sql_script": "text",
    "chunks": "count",
    "page": "text",
    "endpoint": "text",
    "auth": "choice",
    "auth_name": "text",
    "token_path": "text",
    "token_format": "choice",
    "first_page": "number",
    "total_path": "text",
    "has_more_path": "text",
    "empty_page_ends": "boolean",
    "read_until_same": "boolean",
    "max_pages": "count",
    "watermark_path": "text",
    "watermark_format": "watermark_format",
    "first_watermark": "text",
    "lag_window": "lag",
    "topic": "topic",
    "consumer_group": "text",
    "dead_letter_topic": "topic",
    "max_messages": "count",
    "on_expired": "choice",
    "value_format": "choice",
    "avro_schema": "json",
    "allow_private_addresses": "boolean",
    "max_file_mib": "count",
    "file_pattern": "regex",
    "date_from": "choice",
    "date_format": "date_format",
    "date_pattern": "regex",
    "zip_member": "regex",
    "zip_members": "choice",
    "format": "choice",
    "record_path": "record_path",
    "fixed_columns": "fixed_columns",
    "first_line": "count",
    "sheet": "text",
    "header_rows": "count",
    "skip_last_lines": "number",
    "skip_lines_matching": "line_regex",
    "trailer_count": "line_regex",
    "delimiter": "character",
    "encoding": "encoding",
    "quote_char": "character",
    "header_line": "count",
    "trim_whitespace": "boolean",
    "null_tokens": "list",
    "renamed_columns": "list",
    "delete_column": "token",
    "delete_values": "list",
    "unpivot_keep": "list",
    "unpivot_name": "token",
    "unpivot_value": "token",
    "unpivot_skip": "list",
    "max_unpacked_mib": "count",
    "max_unpacked_ratio": "count",
    "max_value_mib": "count",
    "max_nesting": "count",
    "keep_raw": "number",
    "keep_staging": "number",
    "min_rows": "count",
    "first_delivery_date": "date",
    "expected_every": "choice",
    **{doubt.option: "choice" for doubt in DOUBTS.values()},
}
# Those that say how a file is read, and what each one is by default. They may hold from a date on, as publishers
# change their ways, and whatever was read is of the values that held for it.
READING_OPTIONS: dict[str, str | None] = {
    "zip_member": None,
    "zip_members": "one",
    "format": "csv",
    "record_path": None,
    "fixed_columns": None,
    "first_line": "1",
    "sheet": None,
    "header_rows": "1",
    "skip_last_lines": "0",
    "skip_lines_matching": None,
    "trailer_count": None,
    "delimiter": ",",
    "encoding": "utf-8",
    "quote_char": '"',
    "header_line": "1",
    "unpivot_keep": None,
    "unpivot_name": None,
    "unpivot_value": None,
    "unpivot_skip": None,
}
CHOICES: dict[str, tuple[str, ...]] = {
    "auth": ("bearer", "basic", "header", "query"),
    "token_format": ("json", "form"),
    "on_expired": ("halt", "skip"),
    "value_format": ("json", "avro"),
    "date_from": ("name", "page", "header"),
    "zip_members": ("one", "all"),
    "format": tuple(FORMATS),
    "expected_every": PERIODS,
    **{doubt.option: REACTIONS for doubt in DOUBTS.values()},
}
SPELLED_OPTIONS = frozenset(name for name, kind in OPTIONS.items() if kind in ("list", "token", "character"))
