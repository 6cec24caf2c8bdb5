"""The static metadata as Python sees it: one frozen dataclass per table of `seeds/`.

A blank cell is None, or the default that its table says; names are kept as they are written. The
values are plain (str, bool, int, Decimal, datetime, tuple, dict), so that `dataclasses.asdict` gives JSON-like
data of a source, for a manifest or a fingerprint of its definition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal, TypeVar

from headwater.metadata.static.naming import is_raw_column

Row = TypeVar("Row")
DeliveryType = Literal["snapshot", "partition_snapshot", "delta"]
SNAPSHOTS = ("snapshot", "partition_snapshot")  # what such a delivery lacks is gone
Severity = Literal["critical", "warning"]
WAREHOUSE = "warehouse"  # the data source that is our own database, and its connection


@dataclass(frozen=True)
class DataSource:
    """A publisher or system."""

    name: str
    data_source_type: str  # the name of a `SourceType`
    description: str


@dataclass(frozen=True)
class ConnStr:
    """A connection to a database, a file share or a download page; `${NAME}` is an environment variable."""

    name: str
    data_source: str
    server: str | None
    database_name: str | None
    username: str | None
    secret_ref: str | None
    options: str | None
    url_template: str | None
    file_path: str | None


@dataclass(frozen=True)
class ConnApi:
    """A connection to an API."""

    name: str
    data_source: str
    parent_conn_api: str | None
    api_url: str
    http_method: Literal["GET", "POST"]
    need_token: bool
    secret_ref: str | None
    payload_json: str | None
    pagination_type: Literal["none", "page", "offset", "cursor", "link_header", "next_url"]
    page_param_name: str | None
    per_page_param_name: str | None
    page_size: int | None
    cursor_param_name: str | None
    cursor_path: str | None
    use_incremental: bool
    modified_since_param: str | None


@dataclass(frozen=True)
class Tbl:
    """A table at either end, by its fully qualified name."""

    name: str
    data_source: str
    incr_column: str | None
    data_size: Literal["small", "large"]


@dataclass(frozen=True)
class SqlScript:
    """A query, a statement or a stored procedure that a task runs."""

    name: str
    is_stored_proc: bool
    sql_text: str


@dataclass(frozen=True)
class Job:
    """A DAG. `schedule` is five cron fields in `time_zone` (None: UTC), or an @word; None: by hand, or once all of
    `after_job` have succeeded.

    A task that fails is tried again `retries` times, first after `retry_delay_s`, then twice as long each time. A run
    may take `timeout_min`, None for any time; one that is not over `deadline_min` after it was queued is told of, and
    goes on. `max_parallel` of its tasks may run at once, and `max_active_runs` of it. Its tasks take slots of Airflow's
    `pool`, None for the default one, where those of a higher `priority` go first. `may_decide` are the users, and the
    roles as role:name, who may decide about its deliveries; none: whoever may start it.
    """

    name: str
    is_etl: bool
    etl_steps: Literal["E", "ETL", "TL"] | None
    is_full_load: bool
    del_temp_data: bool
    job_type: Literal["batch", "stream", "maintenance"]
    schedule: str | None
    after_job: tuple[str, ...]
    owner: str
    is_active: bool
    description: str
    retries: int
    retry_delay_s: int
    timeout_min: int | None
    max_active_runs: int
    max_parallel: int
    pool: str | None = None
    priority: int = 1
    deadline_min: int | None = None
    time_zone: str | None = None
    may_decide: tuple[str, ...] = ()


@dataclass(frozen=True)
class JobTask:
    """A task of a job: runs one of `source` (that step of it), `sql_script` and `python_callable`."""

    name: str
    job: str
    etl_step: Literal["E", "T", "L"] | None
    step_seq: int
    is_active: bool
    source: str | None
    sql_script: str | None
    python_callable: str | None
    conn_str: str | None
    conn_api: str | None
    src_tbl: str | None
    tgt_tbl: str | None


@dataclass(frozen=True)
class Attribute:
    """A column of a source: what the publisher calls it, and what `historical` calls it."""

    source: str
    source_name: str
    target_name: str
    target_datatype: str
    format: str | None
    null_tokens: tuple[str, ...]
    is_key: bool
    is_tracked: bool
    is_optional: bool
    description: str
    untracked_policy: Literal["keep_first", "keep_latest"] = (
        "keep_first"  # of a version, where it is not tracked
    )

    @property
    def is_text(self) -> bool:
        """Return whether its values are text, of any length."""
        return self.target_datatype.partition("(")[0] in ("text", "varchar")

    @property
    def raw_column(self) -> str:
        """Its column in the raw table: the source's name, or `_` and the target's if Postgres refuses it."""
        return self.source_name if is_raw_column(self.source_name) else f"_{self.target_name}"


@dataclass(frozen=True)
class QualityCheck:
    """One expectation of a source, by the name that Great Expectations or an extension gives it.

    `parameters` are its own, `column` left out.
    """

    expect: str
    column: str | None
    severity: Severity
    parameters: Mapping[str, Any] = field(hash=False)
    description: str | None = None


@dataclass(frozen=True)
class DatedOption:
    """A value of an option that holds for deliveries from a moment (UTC) on, until another one does."""

    name: str
    value: str
    valid_from: datetime


@dataclass(frozen=True)
class Source:
    """A dataset with one key and one historical table. Percentages run from 0 to 100.

    `options` hold for every delivery but those for which one of `dated_options` does: see `at`.
    """

    name: str
    job: str
    data_source: DataSource
    owner: str
    schedule: str
    geographic_granularity: str
    delivery_type: DeliveryType
    extract_function: str | None
    wrangle_function: str | None
    quality_checks: tuple[QualityCheck, ...]
    load_new: bool
    load_changed: bool
    load_removed: bool
    on_null_key: Literal["fall_out", "halt"]
    on_duplicate_key: Literal["halt", "last_wins"]
    on_unknown_column: Literal["halt", "ignore", "keep"]
    max_removed_pct: Decimal | None
    max_fallen_out_pct: Decimal | None
    description: str
    attributes: tuple[Attribute, ...]
    options: Mapping[str, str] = field(hash=False)
    conn_str: ConnStr | None
    conn_api: ConnApi | None
    tbl: Tbl | None = None  # that a database is asked for
    sql_script: SqlScript | None = None  # by which it is asked
    token_apis: tuple[ConnApi, ...] = ()  # where the conn_api's token comes from, that one's token, and so on
    dated_options: tuple[DatedOption, ...] = ()  # by date
    partition_by: tuple[
        str, ...
    ] = ()  # target names; a partition_snapshot is complete for the parts they tell apart

    def at(self, delivery_date: datetime) -> Source:
        """The source with the options that hold for its deliveries of a date."""
        holding = {
            dated.name: dated.value for dated in self.dated_options if dated.valid_from <= delivery_date
        }
        return replace(self, options={**self.options, **holding}) if holding else self

    @property
    def keys(self) -> tuple[Attribute, ...]:
        """The attributes that identify a row over time."""
        return tuple(a for a in self.attributes if a.is_key)

    @property
    def tracked(self) -> tuple[Attribute, ...]:
        """The attributes whose change makes a new version."""
        return tuple(a for a in self.attributes if a.is_tracked)

    @property
    def untracked(self) -> tuple[Attribute, ...]:
        """The attributes whose change makes no new version; `untracked_policy` says which value a version keeps."""
        return tuple(a for a in self.attributes if not a.is_key and not a.is_tracked)

    def tokens(self, option: str) -> tuple[str, ...]:
        """The tokens of a list option, () where it is not given: `N/A|<empty>` is ("N/A", "")."""
        return tuple(self.options[option].split("|")) if option in self.options else ()

    def later_names(self, source_name: str) -> tuple[str, ...]:
        """Return what the publisher came to call a column: `renamed_columns` says `name=name_en`."""
        return tuple(self._later_names.get(source_name, ()))

    @cached_property
    def _later_names(self) -> Mapping[str, Sequence[str]]:
        later: dict[str, list[str]] = {}
        for token in self.tokens("renamed_columns"):
            for place, sign in enumerate(token):
                if sign == "=":  # a name may have one, too
                    later.setdefault(token[:place], []).append(token[place + 1 :])
        return later


@dataclass(frozen=True)
class Catalog:
    """All static metadata, each table by name. Sources in the order of their file."""

    data_sources: Mapping[str, DataSource] = field(hash=False)
    conn_strs: Mapping[str, ConnStr] = field(hash=False)
    conn_apis: Mapping[str, ConnApi] = field(hash=False)
    tbls: Mapping[str, Tbl] = field(hash=False)
    sql_scripts: Mapping[str, SqlScript] = field(hash=False)
    jobs: Mapping[str, Job] = field(hash=False)
    job_tasks: Mapping[str, JobTask] = field(hash=False)
    sources: Mapping[str, Source] = field(hash=False)

    @cached_property
    def tasks_of_jobs(self) -> Mapping[str, Sequence[JobTask]]:
        """The tasks of each job that has any."""
        return _grouped(self.job_tasks.values(), lambda task: task.job)

    @cached_property
    def tasks_of_sources(self) -> Mapping[str, Sequence[JobTask]]:
        """The tasks that are steps of a source, of each source that has any, whatever job they belong to."""
        return _grouped(
            (task for task in self.job_tasks.values() if task.source), lambda task: task.source or ""
        )

    @cached_property
    def sources_of_jobs(self) -> Mapping[str, Sequence[Source]]:
        """The sources of each job that has any."""
        return _grouped(self.sources.values(), lambda source: source.job)


def _grouped(rows: Iterable[Row], key: Callable[[Row], str]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found
