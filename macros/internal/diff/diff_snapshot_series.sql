{% macro diff_snapshot_series(definition, model_sql, deliveries, has_gaps) -%}
{%- set keys = headwater.quoted_list(definition.key_names) -%}
{%- set values = definition.tracked_names + definition.untracked_names -%}
{%- set tracked = "row(" ~ headwater.quoted_list(definition.tracked_names) ~ ")" -%}
{#- a hash is of the interval, and does not need the row that began it -#}
{%- set with_hash = definition.untracked_names == ['_row_hash'] -%}
{%- set carried = definition.key_names + definition.tracked_names + (['_row_hash'] if with_hash else []) -%}
{%- set of_key = "over (partition by " ~ keys ~ " order by _first_order)" -%}
with

without_gaps as (

    select *
    from validity_interval
    {%- if has_gaps %}
    where not exists (
        select from key_with_gaps
        where {{ headwater.key_match(definition.key_names, 'key_with_gaps', 'validity_interval') }}
    )
    {%- endif %}

),

with_neighbours as (

    select
        *,
        lag(_last_order) {{ of_key }} as _order_before,
        lag({{ tracked }}) {{ of_key }} as _was,
        lead(_first_order) {{ of_key }} as _order_after
    from without_gaps

),

-- an interval that began before a snapshot and has not ended before it is unchanged there
begun_or_ended as (

    select _delivery_order, 0 as _interval_count from delivery_to_apply
    union all
    select _first_order + 1, 1 from without_gaps
    union all
    select _last_order + 1, -1 from without_gaps

),

repeated as (

    select
        _delivery_order,
        sum(sum(_interval_count)) over (order by _delivery_order)::bigint as _row_count
    from begun_or_ended
    group by _delivery_order

),

changes as (

    -- an interval begins
    select
        case
            when _order_before is distinct from _first_order - 1 then 'new'
            when {{ tracked }} is not distinct from _was then 'unchanged'
            else 'changed'
        end as _change_kind,
        1::bigint as _row_count,
        _first_order as _delivery_order,
        {{ headwater.quoted_list(carried) }}
    from with_neighbours
    where _first_order > 0

    union all

    -- and no other one follows
    select
        'removed',
        1,
        _last_order + 1,
        {{ keys }}{{ ', null' * ((carried | length) - (definition.key_names | length)) }}
    from with_neighbours
    where _last_order < {{ deliveries | length }}
        and _order_after is distinct from _last_order + 1

    union all

    -- within it nothing happens
    select
        'unchanged',
        _row_count,
        _delivery_order
        {{- ', null' * (carried | length) }}
    from repeated
    where _row_count > 0

)

select
    _change_kind,
    _row_count,
    _delivery_order,
    delivery_to_apply.delivery_sqn,
    delivery_date,
    process_date,
    {{ headwater.quoted_list(carried, prefix='changes.') }}{{ ',' if definition.untracked_names and not with_hash }}
    {{ headwater.quoted_list(definition.untracked_names, prefix='modelled.') if not with_hash }}
from changes
inner join delivery_to_apply using (_delivery_order)
{%- if definition.untracked_names and not with_hash %}
left join (
{{ model_sql }}
) as modelled
    on modelled.delivery_sqn = delivery_to_apply.delivery_sqn
    and modelled.{{ headwater.is_any_of(deliveries) }}
    and changes._change_kind in ('new', 'changed')
    and {{ headwater.key_match(definition.key_names, 'modelled', 'changes') }}
{%- endif %}
{%- endmacro %}
