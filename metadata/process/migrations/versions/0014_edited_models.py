"""Rows that a model leaves out are counted, as are those that fall out; and of a definition, the code that was seen, and who accepted another."""

from alembic import op

revision = "0014"
down_revision = "0013"

ACCEPTANCE = """
create table metadata.definition_acceptance (
    source text not null,
    differences text[] not null,
    why text not null,
    who text not null,
    accepted_at timestamptz not null,
    constraint definition_acceptance_pkey primary key (source, accepted_at)
);
"""
LEDGER = "new_count + changed_count + unchanged_count + ignored_count + overtaken_count + delete_mark_count"


def upgrade() -> None:
    op.execute("alter table metadata.delivery_status add column left_out_count bigint")
    _check(f"{LEDGER} + coalesce(left_out_count, 0)")
    op.execute("alter table metadata.source_definition add column code_seen jsonb not null default '{}'")
    op.execute(ACCEPTANCE)


def downgrade() -> None:
    op.execute("drop table metadata.definition_acceptance")
    op.execute("alter table metadata.source_definition drop column code_seen")
    _check(LEDGER)
    op.execute("alter table metadata.delivery_status drop column left_out_count")


def _check(ledger: str) -> None:
    op.execute("alter table metadata.delivery_status drop constraint if exists delivery_status_ledger_check")
    op.execute(
        "alter table metadata.delivery_status add constraint delivery_status_ledger_check"
        f" check (layer <> 'historical' or record_count = {ledger})"
    )
