{% macro deliveries_to_apply(source_name, since, state='metadata.delivery_state') -%}
{#- a snapshot of which rows were recognised says, like a delta, what differs from the state that it met. delivery_order 0 stands for what history holds before: it has no delivery, but a next snapshot like all others -#}
with

counting as (

    select
        state.*,
        delivery.part as _part,
        coalesce(staging.recognised_count, 0) as _recognised_count,
        state.delivery_date = min(state.delivery_date) over () as _is_first_date
    from {{ state }} as state
    inner join metadata.delivery using (delivery_sqn)
    left join metadata.delivery_status as staging
        on staging.delivery_sqn = state.delivery_sqn and staging.layer = 'staging' and staging.status = 'partial'
    where state.source = {{ headwater.sql_literal(source_name) }} and counts

),

placed as (

    select
        delivery_sqn,
        delivery_date,
        case when _recognised_count > 0 then 'delta' else delivery_type end as delivery_type,
        process_date,
        _part,
        _recognised_count,
        _is_first_date,
        row_number() over (order by delivery_date, publisher_name collate "C") as _delivery_order
    from counting
    where delivery_date >= {{ headwater.sql_literal(since) }}

    union all

    select null, null, null, null, null, 0, false, 0

)

select
    placed.*,
    min(_delivery_order) filter (where delivery_type = 'snapshot') over (
        order by _delivery_order rows between 1 following and unbounded following
    ) as _next_snapshot
from placed
{%- endmacro %}
