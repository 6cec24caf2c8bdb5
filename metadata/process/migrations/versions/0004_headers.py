"""The columns of each delivery; other checks still run on a delivery that is accepted in spite of them."""

from alembic import op

revision = "0004"
down_revision = "0003"

DDL = """
create table metadata.delivery_header (
    delivery_sqn bigint not null,
    column_names text[] not null,
    constraint delivery_header_pkey primary key (delivery_sqn),
    constraint delivery_header_delivery_sqn_fkey foreign key(delivery_sqn) references metadata.delivery (delivery_sqn)
);
"""


def upgrade() -> None:
    op.execute(DDL)


def downgrade() -> None:
    raise NotImplementedError("headers are on record once: make a new migration that goes forward")
