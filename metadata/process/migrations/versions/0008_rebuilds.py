"""Rebuilds set the layers of a source aside and put them back; rows fall out for keys and JSON that Postgres refuses."""

from alembic import op

revision = "0008"
down_revision = "0006"

TABLES = """
-- where raw and staging wait while they are made anew, and where a new history is made
create schema if not exists raw_set_aside;
create schema if not exists staging_set_aside;
create schema if not exists historical_beside;

create table metadata.rebuild (
    source text not null,
    job_inst_id bigint not null,
    began_at timestamptz not null,
    constraint rebuild_pkey primary key (source),
    constraint rebuild_job_inst_id_fkey foreign key (job_inst_id) references metadata.job_inst (job_inst_id)
);

create table metadata.set_aside_row (
    source text not null,
    table_name text not null,
    contents jsonb not null,
    constraint set_aside_row_source_fkey foreign key (source) references metadata.rebuild (source) on delete cascade
);

create index set_aside_row_source_idx on metadata.set_aside_row (source);
"""

VALUES = """
alter table metadata.quarantined_row
    drop constraint quarantined_row_rule_check,
    add constraint quarantined_row_rule_check check (rule in ('null_key', 'key_too_long', 'type', 'duplicate_key'));

"""


def upgrade() -> None:
    op.execute(TABLES + VALUES)


def downgrade() -> None:
    raise NotImplementedError(
        "what a rebuild has set aside is there once: make a new migration that goes forward"
    )
