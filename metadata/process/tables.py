"""The tables of process metadata, as SQLAlchemy knows them. Their DDL of record is in `migrations/`.

A test compares the two, so neither can drift from the other.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

SCHEMA = "metadata"
metadata = sa.MetaData(
    schema=SCHEMA,
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    },
)

LAYERS = ("landed", "raw", "staging", "checks", "historical")
EVENTS = ("landed", "halted", "passed", "accepted", "withdrawn", "restored", "replayed")
KINDS = ("run", "rebuild", "purge", "recall", "dry_run", "dbt")  # what a job instance was for
CHANGE_COUNTS = (
    "new",
    "changed",
    "unchanged",
    "ignored",
    "overtaken",
    "delete_mark",
)  # of a staged row; exactly one each


def _moment(name: str, nullable: bool = False, **more: Any) -> sa.Column[datetime]:
    return sa.Column(name, sa.TIMESTAMP(timezone=True), nullable=nullable, **more)


def _one_of(column: str, values: tuple[str, ...], name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} in ({', '.join(repr(v) for v in values)})", name=name)


def _job_inst(unique: bool | None = None) -> sa.Column[int]:
    return sa.Column(
        "job_inst_id",
        sa.BigInteger,
        sa.ForeignKey("metadata.job_inst.job_inst_id"),
        nullable=False,
        unique=unique,
    )


def _delivery_sqn(primary_key: bool = False) -> sa.Column[int]:
    return sa.Column(
        "delivery_sqn", sa.BigInteger, sa.ForeignKey("metadata.delivery.delivery_sqn"),
        nullable=False, primary_key=primary_key, autoincrement=False,
    )  # fmt: skip


job_metadata = sa.Table(
    "job_metadata", metadata,
    sa.Column("content_sha256", sa.Text, primary_key=True),
    sa.Column("rows", JSONB, nullable=False),
    _moment("kept_at", server_default=sa.func.clock_timestamp()),
)  # fmt: skip

job_inst = sa.Table(
    "job_inst", metadata,
    sa.Column("job_inst_id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("job", sa.Text, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("parameters", JSONB, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    _moment("started_at"),
    _moment("ended_at", nullable=True),
    sa.Column("runner", sa.Text, nullable=False, server_default="terminal"),
    sa.Column("kind", sa.Text, nullable=False, server_default="run"),
    sa.Column("etl_steps", sa.Text),
    sa.Column("is_full_load", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("del_temp_data", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("metadata_sha256", sa.Text, sa.ForeignKey("metadata.job_metadata.content_sha256")),
    sa.UniqueConstraint("run_id", "job"),
    _one_of("runner", ("terminal", "airflow", "dbt"), "runner"),
    _one_of("kind", KINDS, "kind"),
    _one_of("etl_steps", ("E", "ETL", "TL"), "etl_steps"),
    _one_of("status", ("running", "succeeded", "halted", "failed"), "status"),
    sa.CheckConstraint("(status = 'running') = (ended_at is null)", name="ended"),
    sa.Index(None, "job", "job_inst_id"),
    sa.Index("job_inst_running_idx", "job_inst_id", postgresql_where=sa.text("status = 'running'")),
)  # fmt: skip

job_inst_task = sa.Table(
    "job_inst_task", metadata,
    sa.Column("job_inst_task_id", sa.BigInteger, sa.Identity(), primary_key=True),
    _job_inst(),
    sa.Column("task", sa.Text, nullable=False),
    sa.Column("parameters", JSONB, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    _moment("started_at"),
    _moment("ended_at", nullable=True),
    sa.Column("etl_step", sa.Text),
    sa.Column("step_seq", sa.Integer),
    _one_of("etl_step", ("E", "T", "L"), "etl_step"),
    _one_of("status", ("running", "succeeded", "halted", "failed"), "status"),
    sa.CheckConstraint("(status = 'running') = (ended_at is null)", name="ended"),
    sa.Index(None, "job_inst_id"),
)  # fmt: skip

log_header = sa.Table(
    "log_header", metadata,
    sa.Column("log_header_id", sa.BigInteger, sa.Identity(), primary_key=True),
    _job_inst(unique=True),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("last_error", sa.Text),
    _moment("started_at"),
    _moment("ended_at", nullable=True),
    sa.Column("job_name", sa.Text, nullable=False),
    sa.Column("closed_why", sa.Text),
    _one_of("status", ("running", "succeeded", "halted", "failed"), "status"),
)  # fmt: skip

log_dtl = sa.Table(
    "log_dtl", metadata,
    sa.Column("log_dtl_id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("log_header_id", sa.BigInteger, sa.ForeignKey("metadata.log_header.log_header_id"), nullable=False),
    sa.Column("job_inst_task_id", sa.BigInteger, sa.ForeignKey("metadata.job_inst_task.job_inst_task_id")),
    sa.Column("level", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("context", JSONB, nullable=False),
    _moment("logged_at"),
    _one_of("level", ("detail", "information", "error"), "level"),
    sa.Index(None, "log_header_id", "log_dtl_id"),
    sa.Index(None, "job_inst_task_id"),
)  # fmt: skip

delivery = sa.Table(
    "delivery", metadata,
    sa.Column("delivery_sqn", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("publisher_name", sa.Text, nullable=False),
    sa.Column("delivery_filename", sa.Text, nullable=False, unique=True),
    sa.Column("delivery_type", sa.Text, nullable=False),
    _moment("delivery_date"),
    _moment("process_date"),
    sa.Column("content_sha256", sa.Text, nullable=False),
    sa.Column("file_size", sa.BigInteger, nullable=False),
    sa.Column("fingerprint", JSONB, nullable=False),
    sa.Column("watermark_from", JSONB(none_as_null=True)),
    sa.Column("watermark_to", JSONB(none_as_null=True)),
    sa.Column("job_inst_id", sa.BigInteger),
    sa.Column("part", JSONB(none_as_null=True)),
    _one_of("delivery_type", ("snapshot", "partition_snapshot", "delta"), "delivery_type"),
    sa.CheckConstraint("content_sha256 ~ '^[0-9a-f]{64}$'", name="content_sha256"),
    sa.CheckConstraint("file_size >= 0", name="file_size"),
    sa.Index(None, "source", "delivery_date", "publisher_name", "delivery_sqn"),
)  # fmt: skip

delivery_header = sa.Table(
    "delivery_header", metadata,
    _delivery_sqn(primary_key=True),
    sa.Column("column_names", ARRAY(sa.Text), nullable=False),
)  # fmt: skip

delivery_event = sa.Table(
    "delivery_event", metadata,
    sa.Column("event_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("delivery_sqn", sa.BigInteger, sa.ForeignKey("metadata.delivery.delivery_sqn"), nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("checks", ARRAY(sa.Text), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    _moment("event_at"),
    _one_of("event", EVENTS, "event"),
    sa.Index(None, "delivery_sqn", "event_at"),
)  # fmt: skip

_COUNTS = (
    "record_count", "parsed_count", "fallen_out_count", "new_count", "changed_count", "unchanged_count",
    "ignored_count", "overtaken_count", "delete_mark_count", "removed_count", "left_out_count",
)  # fmt: skip

delivery_status = sa.Table(
    "delivery_status", metadata,
    _delivery_sqn(primary_key=True),
    sa.Column("layer", sa.Text, primary_key=True),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("file_size", sa.BigInteger),
    *(sa.Column(name, sa.BigInteger) for name in _COUNTS),
    _moment("status_at"),
    _job_inst(),
    sa.Column("recognised_count", sa.BigInteger),
    sa.Column("recognised_after", sa.Text),
    sa.Index(None, "job_inst_id"),
    _one_of("layer", LAYERS, "layer"),
    _one_of("status", ("loaded", "passed", "halted", "stale", "purged", "recalled", "partial"), "status"),
    sa.CheckConstraint(
        "layer <> 'historical' or record_count = new_count + changed_count + unchanged_count"
        " + ignored_count + overtaken_count + delete_mark_count + coalesce(left_out_count, 0)",
        name="ledger",
    ),
)  # fmt: skip

data_quality_checks = sa.Table(
    "data_quality_checks", metadata,
    _delivery_sqn(primary_key=True),
    sa.Column("check_name", sa.Text, primary_key=True),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("passed", sa.Boolean, nullable=False),
    sa.Column("observed", sa.Text),
    sa.Column("unexpected_count", sa.BigInteger),
    sa.Column("unexpected_sample", JSONB),
    _moment("checked_at"),
    _job_inst(),
    sa.Column("rule_digest", sa.Text),
    _one_of("severity", ("critical", "warning"), "severity"),
)  # fmt: skip

quarantined_row = sa.Table(
    "quarantined_row", metadata,
    sa.Column("quarantined_row_id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("delivery_sqn", sa.BigInteger, sa.ForeignKey("metadata.delivery.delivery_sqn"), nullable=False),
    sa.Column("line_number", sa.BigInteger, nullable=False),
    sa.Column("key", JSONB),
    sa.Column("column_name", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("row", JSONB, nullable=False),
    _one_of("rule", ("null_key", "key_too_long", "type", "duplicate_key"), "rule"),
    sa.Index(None, "delivery_sqn", "line_number"),
)  # fmt: skip

absent_key = sa.Table(
    "absent_key", metadata,
    _delivery_sqn(),
    sa.Column("key", JSONB, nullable=False),
    sa.Index(None, "delivery_sqn"),
)  # fmt: skip

row_hashing = sa.Table(
    "row_hashing", metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("staged_with", sa.Text, nullable=False),
    sa.Column("held_with", sa.Text),
)  # fmt: skip

source_definition = sa.Table(
    "source_definition", metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("definition", JSONB, nullable=False),
    _moment("made_at"),
    sa.Column("code_seen", JSONB, nullable=False, server_default="{}"),
)  # fmt: skip

definition_acceptance = sa.Table(
    "definition_acceptance", metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("differences", ARRAY(sa.Text), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("accepted_at", sa.DateTime(timezone=True), primary_key=True),
)  # fmt: skip

rebuild = sa.Table(
    "rebuild", metadata,
    sa.Column("source", sa.Text, primary_key=True),
    _job_inst(),
    _moment("began_at"),
)  # fmt: skip

set_aside_row = sa.Table(
    "set_aside_row", metadata,
    sa.Column("source", sa.Text, sa.ForeignKey("metadata.rebuild.source", ondelete="CASCADE"), nullable=False),
    sa.Column("table_name", sa.Text, nullable=False),
    sa.Column("contents", JSONB, nullable=False),
    sa.Index(None, "source"),
)  # fmt: skip

public_place = sa.Table(
    "public_place", metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("host", sa.Text, primary_key=True),
    sa.Column("port", sa.Integer, primary_key=True, autoincrement=False),
    _moment("seen_at"),
)  # fmt: skip

sql_object = sa.Table(
    "sql_object", metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("content_sha256", sa.Text, nullable=False),
    _moment("applied_at", server_default=sa.func.now()),
)  # fmt: skip

source_change = sa.Table(
    "source_change", metadata,
    sa.Column("source_change_id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("change", sa.Text, nullable=False),
    sa.Column("new_name", sa.Text),
    sa.Column("counts", JSONB, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    _moment("began_at"),
    _moment("ended_at", nullable=True),
    _one_of("change", ("removed", "renamed"), "change"),
    sa.CheckConstraint("(change = 'renamed') = (new_name is not null)", name="new_name"),
    sa.Index("source_change_open_idx", "source", unique=True, postgresql_where=sa.text("ended_at is null")),
)  # fmt: skip
