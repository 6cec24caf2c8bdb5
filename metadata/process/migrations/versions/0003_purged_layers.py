"""Rows of raw and staging may be purged; what needs them again says so, and they come back from S3."""

from alembic import op

revision = "0003"
down_revision = "0002"

DDL = """
-- purged: its rows went by the source's policy, the counts stay; recalled: they are gone, and a question wants them back
alter table metadata.delivery_status
    drop constraint delivery_status_status_check,
    add constraint delivery_status_status_check
        check (status in ('loaded', 'passed', 'halted', 'stale', 'purged', 'recalled'));

"""


def upgrade() -> None:
    op.execute(DDL)


def downgrade() -> None:
    raise NotImplementedError(
        "purged rows are not brought back by SQL: make a new migration that goes forward"
    )
