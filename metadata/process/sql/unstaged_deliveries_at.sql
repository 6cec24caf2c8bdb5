-- which deliveries counted at a moment and have no rows in staging now
create or replace function metadata.unstaged_deliveries_at(of_source text, known_at timestamptz) returns bigint[]
language sql stable as $$
select coalesce(array_agg(delivery_sqn order by delivery_date, publisher_name collate "C"), '{}')
from metadata.delivery_state_at(known_at) as state
where source = of_source
    and counts
    and not exists (
        select from metadata.delivery_status as staged
        where staged.delivery_sqn = state.delivery_sqn
            and staged.layer = 'staging'
            and case staged.status
                when 'loaded' then true
                when 'partial' then (staged.delivery_sqn, staged.recognised_after) in (
                    select placed.delivery_sqn, placed.before
                    from metadata.deliveries_before(of_source, known_at) as placed
                    where placed.before is not null
                )
            end
    )
$$;
