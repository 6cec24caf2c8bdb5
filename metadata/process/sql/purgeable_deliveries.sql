-- which deliveries raw or staging may lose when it keeps those from the keep-th newest on that history holds: what is
-- settled and older. What is halted waits for a decision, and is not settled.
create or replace function metadata.purgeable_deliveries(of_source text, of_layer text, keep integer) returns bigint[]
language sql stable
return (
    with

    needs as (

        select * from metadata.delivery_needs(of_source)

    ),

    oldest_kept as (

        select delivery_date, publisher_name
        from needs
        where status = 'loaded'
        order by delivery_date desc, publisher_name collate "C" desc
        offset greatest(keep - 1, 0)
        limit 1

    )

    select coalesce(array_agg(
        needs.delivery_sqn order by needs.delivery_date, needs.publisher_name collate "C", needs.delivery_sqn
    ), '{}')
    from needs
    left join oldest_kept on true
    left join metadata.delivery_status as staging
        on staging.delivery_sqn = needs.delivery_sqn and staging.layer = 'staging'
    where case of_layer when 'raw' then is_in_raw when 'staging' then staging.status in ('loaded', 'partial') end
        and needs.status in ('loaded', 'withdrawn', 'superseded')
        and not differs_from_history
        and not is_wanted
        and (
            keep = 0
            or needs.delivery_date < oldest_kept.delivery_date
            or (
                needs.delivery_date = oldest_kept.delivery_date
                and needs.publisher_name collate "C" < oldest_kept.publisher_name collate "C"
            )
        )
);
