"""Hosts of publishers that were public, so that their names cannot later resolve to private addresses."""

from alembic import op

revision = "0010"
down_revision = "0009"

DDL = """
create table metadata.public_place (
    source text not null,
    host text not null,
    port integer not null,
    seen_at timestamptz not null,
    primary key (source, host, port)
);
"""


def upgrade() -> None:
    op.execute(DDL)


def downgrade() -> None:
    op.execute("drop table metadata.public_place")
