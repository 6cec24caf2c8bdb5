"""The static metadata that a run began with: its tasks go on with it, whatever the seeds say by then."""

from alembic import op

revision = "0012"
down_revision = "0011"

DDL = """
create table metadata.job_metadata (
    content_sha256 text primary key,
    rows jsonb not null,
    kept_at timestamptz not null default clock_timestamp()
);

alter table metadata.job_inst
    add column metadata_sha256 text references metadata.job_metadata;
"""


def upgrade() -> None:
    op.execute(DDL)


def downgrade() -> None:
    op.execute("alter table metadata.job_inst drop column metadata_sha256")
    op.execute("drop table metadata.job_metadata")
