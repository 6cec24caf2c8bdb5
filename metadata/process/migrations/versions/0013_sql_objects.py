"""Functions and views are files, which replace what a database has of them when they change."""

from alembic import op

revision = "0013"
down_revision = "0012"

DDL = """
create table metadata.sql_object (
    name text primary key,
    content_sha256 text not null,
    applied_at timestamptz not null default now()
);
"""


def upgrade() -> None:
    op.execute(DDL)


def downgrade() -> None:
    op.execute("drop table metadata.sql_object")
