"""Rows of a snapshot that say what current versions said are recognised in raw: the others alone are staged."""

from alembic import op

revision = "0017"
down_revision = "0016"

STATUSES = ("loaded", "passed", "halted", "stale", "purged", "recalled")

DDL = """
alter table metadata.delivery_status add column recognised_count bigint;
alter table metadata.delivery_status add column recognised_after text;
alter table metadata.data_quality_checks add column rule_digest text;

create table metadata.absent_key (
    delivery_sqn bigint not null,
    key jsonb not null,
    constraint absent_key_delivery_sqn_fkey foreign key (delivery_sqn) references metadata.delivery (delivery_sqn)
);

create index absent_key_delivery_sqn_idx on metadata.absent_key (delivery_sqn);

create table metadata.row_hashing (
    source text not null,
    staged_with text not null,
    held_with text,
    constraint row_hashing_pkey primary key (source)
);
"""


# of tables that are there already; what is made from now on has the column
ROW_HASHES = """
do $$
declare
    of_source regclass;
begin
    for of_source in
        select pg_class.oid
        from metadata.source_definition
        cross join lateral (
            values
                ('staging', 'stg_' || source), ('staging_set_aside', 'stg_' || source),
                ('historical', source), ('historical_beside', source)
        ) as place (of_schema, of_table)
        inner join pg_namespace on nspname = of_schema
        inner join pg_class on relnamespace = pg_namespace.oid and relname = of_table
    loop
        execute format('alter table %s add column if not exists _row_hash bigint', of_source);
    end loop;
end
$$
"""


def upgrade() -> None:
    op.execute(DDL)
    op.execute(ROW_HASHES)
    _check((*STATUSES, "partial"))


def downgrade() -> None:
    op.execute(
        "drop table metadata.row_hashing; drop table metadata.absent_key;"
        " alter table metadata.delivery_status drop column recognised_after, drop column recognised_count;"
        " alter table metadata.data_quality_checks drop column rule_digest"
    )
    _check(STATUSES)


def _check(statuses: tuple[str, ...]) -> None:
    op.execute("alter table metadata.delivery_status drop constraint delivery_status_status_check")
    op.execute(
        "alter table metadata.delivery_status add constraint delivery_status_status_check"
        f" check (status in ({', '.join(map(repr, statuses))}))"
    )
