"""Deliveries that are complete for some parts of a source, and the part that the name of a delivery says."""

from alembic import op

revision = "0015"
down_revision = "0014"

DDL = """
alter table metadata.delivery
    add column part jsonb,
    drop constraint delivery_delivery_type_check,
    add constraint delivery_delivery_type_check
        check (delivery_type in ('snapshot', 'partition_snapshot', 'delta'));
"""


def upgrade() -> None:
    op.execute(DDL)


def downgrade() -> None:
    op.execute("""
alter table metadata.delivery
    drop column part,
    drop constraint delivery_delivery_type_check,
    add constraint delivery_delivery_type_check check (delivery_type in ('snapshot', 'delta'));
""")
