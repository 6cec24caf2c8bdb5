"""Ten thousand deliveries, written by SQL: process metadata as many years of runs would leave it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy import Engine

# Of a hundred deliveries of a source two halted (one was accepted), one is withdrawn, one was landed again and one came
# late; the newest is pending.
_FILL = """
insert into metadata.job_inst (job_inst_id, job, run_id, parameters, status, started_at, ended_at)
values (:above + 1, 'many', 'many', '{}', 'succeeded', now(), now());

insert into metadata.delivery (
    delivery_sqn, source, publisher_name, delivery_filename, delivery_type, delivery_date, process_date,
    content_sha256, file_size, fingerprint, job_inst_id
)
select
    n + :above,
    (cast(:names as text[]))[n % :sources + 1],
    'file-' || n / :sources - (n / :sources % 100 = 50)::int || '.csv',
    's3://bucket/landed/' || n + :above,
    'snapshot',
    timestamptz '2000-01-01' + interval '1 day' * (
        n / :sources - case n / :sources % 100 when 50 then 1 when 60 then 7 else 0 end
    ),
    timestamptz '2026-01-01' + interval '1 second' * n,
    repeat('0', 64),
    1000 + n,
    '{}',
    :above + 1
from generate_series(1, :deliveries) as n;

insert into metadata.delivery_event (event_id, delivery_sqn, event, checks, why, who, event_at)
select gen_random_uuid(), delivery_sqn, said.event, said.checks, 'why', 'who', process_date + said.later
from metadata.delivery
cross join lateral (select delivery_sqn - :above as n) as numbered
cross join lateral (
    select 'landed' as event, '{}'::text[] as checks, interval '0' as later
    union all
    select 'passed', '{}', interval '1 second'
    where n / :sources % 100 not in (10, 20) and n <= :deliveries - :sources
    union all
    select 'halted', '{duplicate_keys}', interval '1 second' where n / :sources % 100 in (10, 20)
    union all
    select 'accepted', '{duplicate_keys}', interval '2 seconds' where n / :sources % 100 = 10
    union all
    select 'withdrawn', '{}', interval '3 seconds' where n / :sources % 100 = 30
) as said
where delivery_sqn > :above;

insert into metadata.delivery_status (
    delivery_sqn, layer, status, file_size, record_count, parsed_count, fallen_out_count, new_count, changed_count,
    unchanged_count, ignored_count, overtaken_count, delete_mark_count, removed_count, status_at, job_inst_id
)
select
    delivery_sqn, layer, case layer when 'checks' then 'passed' else 'loaded' end, file_size,
    case when layer <> 'landed' then 100 end, 100, 0,
    case layer when 'historical' then 10 end, case layer when 'historical' then 5 end,
    case layer when 'historical' then 85 end, 0, 0, 0, case layer when 'historical' then 3 end, now(), :above + 1
from metadata.delivery_state
cross join unnest(array['landed', 'raw', 'staging', 'checks', 'historical']) as layer
where delivery_sqn > :above
    and (
        layer = 'landed'
        or (verdict <> 'pending' and layer <> 'historical')
        or (layer = 'historical' and counts)
    );

analyze metadata.delivery, metadata.delivery_event, metadata.delivery_status;
"""


REMOVE = """
delete from metadata.delivery_status where delivery_sqn > {above};
delete from metadata.delivery_event where delivery_sqn > {above};
delete from metadata.delivery where delivery_sqn > {above};
delete from metadata.job_inst where job_inst_id = {above} + 1
"""


def statements(deliveries: int, sources: Sequence[str], above: int = 0) -> Iterator[str]:
    """SQL that writes that many deliveries, numbered from `above` on and shared out among the sources."""
    names = "array[" + ", ".join(f"'{source}'" for source in sources) + "]"
    facts = {
        ":deliveries": str(deliveries),
        ":sources": str(len(sources)),
        ":above": str(above),
        ":names": names,
    }
    text = _FILL
    for name, value in facts.items():
        text = text.replace(name, value)
    yield from (statement for statement in text.split(";\n") if statement.strip())


def fill(database: Engine, deliveries: int = 10_000, sources: int = 20) -> None:
    """Write that many deliveries, shared out among sources called source_0, source_1 …"""
    with database.begin() as connection:
        for statement in statements(deliveries, [f"source_{number}" for number in range(sources)]):
            connection.execute(sa.text(statement))
