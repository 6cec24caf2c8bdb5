-- Return for each delivery of a source, by what counted at a moment, the deliveries that made the state which it met: in
-- their order, from the last snapshot on of which every row could be read, since what was before it has no more effect.
-- Null where another delivery has its date: only the end of a date is ever true. What is pending counts if it is to.
create or replace function metadata.deliveries_before(
    of_source text,
    known_at timestamptz default 'infinity',
    with_pending boolean default false
) returns table (delivery_sqn bigint, before text)
language sql stable as $$
with

state as (

    select
        known.delivery_sqn,
        delivery_date,
        publisher_name,
        delivery_type,
        case
            when with_pending then
                known.delivery_sqn is not distinct from max(known.delivery_sqn) filter (
                    where verdict in ('passed', 'pending') and not is_withdrawn
                ) over (partition by publisher_name, delivery_date)
            else counts
        end as counts
    from metadata.delivery_state_at(known_at) as known
    where source = of_source

),

effective as (

    select
        state.delivery_sqn,
        row_number() over (order by delivery_date, publisher_name collate "C") as place,
        delivery_type = 'snapshot' and staging.fallen_out_count = 0 as says_all
    from state
    left join metadata.delivery_status as staging
        on staging.delivery_sqn = state.delivery_sqn and staging.layer = 'staging'
    where counts

),

placed as (

    select
        state.delivery_sqn,
        count(*) filter (where counts) over earlier as last_place,
        max(place) filter (where says_all) over earlier as first_place,
        count(*) filter (where counts) over (partition by delivery_date) > counts::integer as is_tied
    from state
    left join effective using (delivery_sqn)
    window earlier as (
        order by delivery_date, publisher_name collate "C" groups between unbounded preceding and 1 preceding
    )

),

in_order as (

    select array_agg(delivery_sqn order by place) as delivery_sqns from effective

)

select
    placed.delivery_sqn,
    case when not is_tied then array_to_string(delivery_sqns[coalesce(first_place, 1):last_place], ',') end
from placed
cross join in_order
$$;
