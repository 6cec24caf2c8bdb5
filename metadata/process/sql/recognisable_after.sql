-- Return the deliveries that made what is current, if a pending snapshot is the next one of its source and the current
-- versions have hashes of rows under the same definition: rows of it can be recognised by these. Null else.
create or replace function metadata.recognisable_after(of_source text, of_delivery bigint, hashed_with text) returns text
language sql stable as $$
select nullif(before, '')
from metadata.deliveries_before(of_source) as placed
inner join metadata.delivery_state as state using (delivery_sqn)
where placed.delivery_sqn = of_delivery
    and state.delivery_type = 'snapshot'
    and state.verdict = 'pending'
    and not state.is_withdrawn
    and not metadata.is_being_rebuilt(of_source)
    and exists (
        select from metadata.row_hashing where row_hashing.source = of_source and held_with = hashed_with
    )
    and not exists (
        select from metadata.delivery_state as other
        left join metadata.delivery_status as historical
            on historical.delivery_sqn = other.delivery_sqn and historical.layer = 'historical'
        where other.source = of_source
            and (
                other.differs_from_history
                or (historical.status is not null and other.delivery_date >= state.delivery_date)
                or (
                    other.delivery_sqn <> of_delivery
                    and other.verdict = 'pending'
                    and not other.is_withdrawn
                    and other.delivery_date <= state.delivery_date
                )
            )
    )
    -- a question about the past asks for all of its rows
    and not exists (
        select from metadata.delivery_status as staging
        where staging.delivery_sqn = of_delivery and staging.layer = 'staging' and staging.status = 'recalled'
    )
$$;
