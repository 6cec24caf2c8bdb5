-- what the events of deliveries amounted to at a moment: what we knew of, and what of that counted
create or replace function metadata.delivery_state_at(known_at timestamptz) returns table (
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
            when verdict.event = 'accepted' and 'columns' = any(verdict.checks) then 'pending'
            when verdict.event in ('passed', 'accepted') then 'passed'
            when verdict.event = 'halted' then 'halted'
            else 'pending'
        end as verdict,
        coalesce(decision.event = 'withdrawn', false) as is_withdrawn
    from metadata.delivery
    left join lateral (
        select event, checks
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
