-- the deliveries of a source, where their rows are, and whether anything waits for them
create or replace function metadata.delivery_needs(of_source text) returns table (
    delivery_sqn bigint,
    publisher_name text,
    delivery_date timestamptz,
    verdict text,
    is_withdrawn boolean,
    differs_from_history boolean,
    status text,
    is_in_raw boolean,
    is_staged boolean,
    is_wanted boolean
)
language sql stable as $$
with

state as (

    select
        delivery_state.*,
        coalesce(raw.status = 'loaded', false) as is_in_raw,
        staging.status as staging_status,
        staging.recognised_after,
        bool_or(differs_from_history) over () as differs_anywhere,
        coalesce(staging.status = 'recalled', false) as is_recalled,
        historical.status is not null as is_in_history
    from metadata.delivery_state
    left join metadata.delivery_status as raw
        on raw.delivery_sqn = delivery_state.delivery_sqn and raw.layer = 'raw'
    left join metadata.delivery_status as staging
        on staging.delivery_sqn = delivery_state.delivery_sqn and staging.layer = 'staging'
    left join metadata.delivery_status as historical
        on historical.delivery_sqn = delivery_state.delivery_sqn and historical.layer = 'historical'
    where source = of_source

),

-- rows that were recognised are not staged: the others speak for all of it as long as the state is the one that it met,
-- and remains so if what is pending passes; and until history has it, history is that state
with_rows as (

    select
        state.*,
        case staging_status
            when 'loaded' then true
            when 'partial' then
                (verdict <> 'pending' or not differs_anywhere)
                and (delivery_sqn, recognised_after) in (
                    select placed.delivery_sqn, placed.before
                    from metadata.deliveries_before(of_source) as placed
                    where placed.before is not null
                )
                and (delivery_sqn, recognised_after) in (
                    select placed.delivery_sqn, placed.before
                    from metadata.deliveries_before(of_source, with_pending => true) as placed
                    where placed.before is not null
                )
            else false
        end as is_staged
    from state

),

-- from here on history is to be made anew, or will be if what is pending passes, and every delivery that counts must
-- be staged: for history, and for the checks that compare with what was current before
first_to_make as (

    select min(delivery_date) as since
    from state
    where differs_from_history or (verdict = 'pending' and not is_withdrawn)

),

-- an attribute that keeps the latest value has lost those before it: history is made anew from its beginning then
since as (

    select
        case
            when exists (
                select from metadata.source_definition
                cross join jsonb_path_query(definition, '$.* ? (@.untracked_policy == "keep_latest")')
                where source = of_source
            ) and exists (select from state where is_in_history and delivery_date >= first_to_make.since)
                then '-infinity'
            else first_to_make.since
        end as since
    from first_to_make

)

select
    delivery_sqn,
    publisher_name,
    delivery_date,
    verdict,
    is_withdrawn,
    differs_from_history,
    status,
    is_in_raw,
    is_staged,
    is_recalled or (not is_withdrawn and (verdict = 'pending' or (counts and delivery_date >= since) is true))
from with_rows
cross join since
$$;
