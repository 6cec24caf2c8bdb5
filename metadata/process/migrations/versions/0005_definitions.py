"""The rule which definition may replace the recorded one, depending on the deliveries that were read with it."""

from alembic import op

revision = "0005"
down_revision = "0004"

DDL = """

-- under which names a column is known has a part of its own, and is told by the headers of what was read
update metadata.source_definition set definition = (
    select jsonb_object_agg(name, case jsonb_typeof(part) when 'object' then part - 'later_names' else part end)
    from jsonb_each(definition) as recorded (name, part)
);
"""


def upgrade() -> None:
    op.execute(DDL)


def downgrade() -> None:
    raise NotImplementedError(
        "the names of columns were taken out of it: make a new migration that goes forward"
    )
