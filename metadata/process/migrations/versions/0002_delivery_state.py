"""What a delivery's events amount to, and what each layer has still to do."""

from alembic import op

revision = "0002"
down_revision = "0001"

DDL = """
create view metadata.delivery_state as
with

judged as (

    select
        delivery.*,
        case
            when verdict.event in ('passed', 'accepted') then 'passed'
            when verdict.event = 'halted' then 'halted'
            else 'pending'
        end as verdict,
        coalesce(decision.event = 'withdrawn', false) as is_withdrawn
    from metadata.delivery
    left join lateral (
        select event
        from metadata.delivery_event
        where delivery_event.delivery_sqn = delivery.delivery_sqn
            and event in ('halted', 'passed', 'accepted', 'replayed')
        order by event_at desc, event_id desc
        limit 1
    ) as verdict on true
    left join lateral (
        select event
        from metadata.delivery_event
        where delivery_event.delivery_sqn = delivery.delivery_sqn
            and event in ('withdrawn', 'restored')
        order by event_at desc, event_id desc
        limit 1
    ) as decision on true

),

ranked as (

    select
        judged.*,
        max(delivery_sqn) filter (where verdict = 'passed' and not is_withdrawn) over (
            partition by source, publisher_name, delivery_date
        ) as counting_sqn
    from judged

)

select
    ranked.*,
    coalesce(delivery_sqn < counting_sqn, false) as is_superseded,
    coalesce(delivery_sqn = counting_sqn, false) as counts,
    historical.loaded_sqn is not null as is_loaded,
    case
        when is_withdrawn then 'withdrawn'
        when verdict = 'halted' then 'halted'
        when delivery_sqn < counting_sqn then 'superseded'
        when verdict = 'passed' and historical.loaded_sqn is not null then 'loaded'
        else 'pending'
    end as status
from ranked
left join (
    select delivery_sqn as loaded_sqn from metadata.delivery_status where layer = 'historical'
) as historical on historical.loaded_sqn = ranked.delivery_sqn;

-- the sole right to write the layers of a source, until the transaction ends
create function metadata.lock_source(of_source text) returns void
language sql volatile
return pg_advisory_xact_lock(hashtextextended('headwater source ' || of_source, 0));

-- which deliveries of a source a layer has still to process; stable, so the planner sees the numbers themselves
create function metadata.pending_deliveries(of_source text, of_layer text) returns bigint[]
language sql stable
return (
    select coalesce(array_agg(delivery_sqn order by delivery_date, publisher_name collate "C", delivery_sqn), '{}')
    from metadata.delivery_state as state
    where state.source = of_source
        and case of_layer
            when 'raw' then
                not is_withdrawn and verdict <> 'halted'
                and not exists (
                    select from metadata.delivery_status as done
                    where done.delivery_sqn = state.delivery_sqn and done.layer = 'raw'
                )
            when 'staging' then
                not is_withdrawn and verdict <> 'halted'
                and exists (
                    select from metadata.delivery_status as done
                    where done.delivery_sqn = state.delivery_sqn and done.layer = 'raw' and done.status = 'loaded'
                )
                and not exists (
                    select from metadata.delivery_status as done
                    where done.delivery_sqn = state.delivery_sqn and done.layer = 'staging'
                )
            when 'checks' then
                not is_withdrawn and verdict = 'pending'
                and exists (
                    select from metadata.delivery_status as done
                    where done.delivery_sqn = state.delivery_sqn and done.layer = 'staging' and done.status = 'loaded'
                )
            when 'historical' then counts <> is_loaded
        end
);

-- the job instance in whose name a session writes: the one of its run, or, for a dbt that a person started, one of its own
create function metadata.this_job_inst(of_job text) returns bigint
language plpgsql volatile as $$
declare
    of_run text := nullif(current_setting('headwater.run_id', true), '');
    found_id bigint;
begin
    if of_run is null then
        insert into metadata.job_inst (job, run_id, parameters, status, started_at, ended_at)
        values (of_job, 'dbt ' || gen_random_uuid(), '{"started by": "dbt"}', 'succeeded', now(), now())
        returning job_inst_id into found_id;
        return found_id;
    end if;
    select job_inst_id into found_id from metadata.job_inst where run_id = of_run and job = of_job;
    if found_id is null then
        raise exception 'run % has no job instance for job %', of_run, of_job;
    end if;
    return found_id;
end
$$;
"""


def upgrade() -> None:
    op.execute(DDL)


def downgrade() -> None:
    op.execute(
        "drop function metadata.this_job_inst(text);"
        " drop function metadata.lock_source(text);"
        " drop function metadata.pending_deliveries(text, text);"
        " drop view metadata.delivery_state"
    )
