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
        coalesce(staging.status = 'loaded', false) as is_staged,
        coalesce(staging.status = 'recalled', false) as is_recalled
    from metadata.delivery_state
    left join metadata.delivery_status as raw
        on raw.delivery_sqn = delivery_state.delivery_sqn and raw.layer = 'raw'
    left join metadata.delivery_status as staging
        on staging.delivery_sqn = delivery_state.delivery_sqn and staging.layer = 'staging'
    where source = of_source

),

-- from here on history is to be made anew, or will be if what is pending passes, and every delivery that counts must
-- be staged: for history, and for the checks that compare with what was current before
since as (

    select min(delivery_date) as since
    from state
    where differs_from_history or (verdict = 'pending' and not is_withdrawn)

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
from state
cross join since
$$;
