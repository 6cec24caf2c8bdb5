"""What a delivery's events amount to, and what each layer has still to do."""

from alembic import op

revision = "0002"
down_revision = "0001"

DDL = """
-- what the events of deliveries amounted to at a moment: what we knew of, and what of that counted
create function metadata.delivery_state_at(known_at timestamptz) returns table (
    delivery_sqn bigint,
    source text,
    publisher_name text,
    delivery_filename text,
    delivery_type text,
    delivery_date timestamptz,
    process_date timestamptz,
    file_size bigint,
    verdict text,
    is_withdrawn boolean,
    is_superseded boolean,
    counts boolean
)
language sql stable as $$
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
            and event_at <= known_at
        order by event_at desc, event_id desc
        limit 1
    ) as verdict on true
    left join lateral (
        select event
        from metadata.delivery_event
        where delivery_event.delivery_sqn = delivery.delivery_sqn
            and event in ('withdrawn', 'restored')
            and event_at <= known_at
        order by event_at desc, event_id desc
        limit 1
    ) as decision on true
    where delivery.process_date <= known_at

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
    ranked.delivery_sqn,
    ranked.source,
    ranked.publisher_name,
    ranked.delivery_filename,
    ranked.delivery_type,
    ranked.delivery_date,
    ranked.process_date,
    ranked.file_size,
    ranked.verdict,
    ranked.is_withdrawn,
    coalesce(ranked.delivery_sqn < ranked.counting_sqn, false),
    coalesce(ranked.delivery_sqn = ranked.counting_sqn, false)
from ranked
$$;

create view metadata.delivery_state as
select
    state.*,
    -- a stale delivery was sent through the layers again: history holds it as it was before
    case
        when counts then historical.status is distinct from 'loaded'
        else historical.status is not null
    end as differs_from_history,
    case
        when is_withdrawn then 'withdrawn'
        when verdict = 'halted' then 'halted'
        when is_superseded then 'superseded'
        when verdict = 'passed' and historical.status = 'loaded' then 'loaded'
        else 'pending'
    end as status
from metadata.delivery_state_at('infinity') as state
left join (
    select
        delivery_sqn as loaded_sqn,
        status
    from metadata.delivery_status
    where layer = 'historical'
) as historical on historical.loaded_sqn = state.delivery_sqn;

-- the sole right to write the layers of a source, until the transaction ends
create function metadata.lock_source(of_source text) returns void
language sql volatile
return pg_advisory_xact_lock(hashtextextended('headwater source ' || of_source, 0));

-- which deliveries of a source a layer has still to process, in the order in which they apply
create function metadata.pending_deliveries(of_source text, of_layer text) returns bigint[]
language sql stable
return (
    with

    state as (

        select
            delivery_state.*,
            exists (
                select from metadata.delivery_status as done
                where done.delivery_sqn = delivery_state.delivery_sqn and done.layer = 'raw' and done.status = 'loaded'
            ) as is_in_raw,
            exists (
                select from metadata.delivery_status as done
                where done.delivery_sqn = delivery_state.delivery_sqn and done.layer = 'staging'
            ) as is_staged
        from metadata.delivery_state
        where source = of_source

    ),

    -- from here on history is to be made anew, for which every delivery that counts must be staged
    since as (

        select min(delivery_date) as since from state where differs_from_history

    ),

    wanted as (

        select
            state.*,
            not is_withdrawn and (verdict = 'pending' or (counts and delivery_date >= since)) as is_wanted
        from state
        cross join since

    )

    select coalesce(array_agg(delivery_sqn order by delivery_date, publisher_name collate "C", delivery_sqn), '{}')
    from wanted
    where case of_layer
        when 'raw' then is_wanted and not is_staged and not is_in_raw
        when 'staging' then is_wanted and not is_staged and is_in_raw
        when 'checks' then not is_withdrawn and verdict = 'pending' and is_staged
        when 'historical' then differs_from_history
    end
);

-- What an event undoes of the layers, whichever way it comes: from a command, or from S3 after a crash or a rebuild.
-- A replayed delivery goes through every layer again. One that is accepted in spite of its duplicate keys is staged
-- again, where the last row of each key wins.
create function metadata.undo_layers() returns trigger
language plpgsql volatile as $$
begin
    perform metadata.lock_source(source) from metadata.delivery where delivery_sqn = new.delivery_sqn;
    delete from metadata.delivery_status
    where delivery_sqn = new.delivery_sqn
        and (layer = 'staging' or (new.event = 'replayed' and layer in ('raw', 'checks')));
    update metadata.delivery_status set status = 'stale'
    where delivery_sqn = new.delivery_sqn and layer = 'historical';
    return null;
end
$$;

create trigger undo_layers after insert on metadata.delivery_event
for each row when (new.event = 'replayed' or (new.event = 'accepted' and 'duplicate_keys' = any(new.checks)))
execute function metadata.undo_layers();

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
        "drop trigger undo_layers on metadata.delivery_event;"
        " drop function metadata.undo_layers();"
        " drop function metadata.this_job_inst(text);"
        " drop function metadata.lock_source(text);"
        " drop function metadata.pending_deliveries(text, text);"
        " drop view metadata.delivery_state;"
        " drop function metadata.delivery_state_at(timestamptz)"
    )
