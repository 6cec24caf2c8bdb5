{% macro deliveries_to_apply(source_name, since, state='metadata.delivery_state') -%}
{#- position 0 stands for what history holds before: it has no delivery, but a next snapshot like all others -#}
with

counting as (

    select
        *,
        delivery_date = min(delivery_date) over () as is_first_date
    from {{ state }} as state
    where source = {{ sql_literal(source_name) }} and counts

),

placed as (

    select
        delivery_sqn,
        delivery_date,
        delivery_type,
        process_date,
        is_first_date,
        row_number() over (order by delivery_date, publisher_name collate "C") as position
    from counting
    where delivery_date >= {{ sql_literal(since) }}

    union all

    select null, null, null, null, false, 0

)

select
    placed.*,
    min(position) filter (where delivery_type = 'snapshot') over (
        order by position rows between 1 following and unbounded following
    ) as next_snapshot
from placed
{%- endmacro %}
