{% macro fates_of_runs(definition, model_sql, deliveries, has_restless) -%}
{%- set keys = quoted_list(definition.key_names) -%}
{%- set values = definition.tracked_names + definition.untracked_names -%}
{%- set tracked = "row(" ~ quoted_list(definition.tracked_names) ~ ")" -%}
{%- set of_key = "over (partition by " ~ keys ~ " order by first_position)" -%}
with

steady as (

    select *
    from run
    {%- if has_restless %}
    where not exists (
        select from restless_key
        where {{ key_match(definition.key_names, 'restless_key', 'run') }}
    )
    {%- endif %}

),

neighbours as (

    select
        *,
        lag(last_position) {{ of_key }} as position_before,
        lag({{ tracked }}) {{ of_key }} as was,
        lead(first_position) {{ of_key }} as position_after
    from steady

),

-- a run that began before a position and has not ended before it is unchanged there
begun_or_ended as (

    select position, 0 as run_count from delivery_to_apply
    union all
    select first_position + 1, 1 from steady
    union all
    select last_position + 1, -1 from steady

),

repeated as (

    select
        position,
        sum(sum(run_count)) over (order by position)::bigint as row_count
    from begun_or_ended
    group by position

),

said as (

    -- a run begins
    select
        case
            when position_before is distinct from first_position - 1 then 'new'
            when {{ tracked }} is not distinct from was then 'unchanged'
            else 'changed'
        end as fate,
        1::bigint as row_count,
        first_position as position,
        {{ quoted_list(definition.key_names + definition.tracked_names) }}
    from neighbours
    where first_position > 0

    union all

    -- and no other one follows
    select
        'removed',
        1,
        last_position + 1,
        {{ keys }}{{ ', null' * (definition.tracked_names | length) }}
    from neighbours
    where last_position < {{ deliveries | length }}
        and position_after is distinct from last_position + 1

    union all

    -- within it nothing happens
    select
        'unchanged',
        row_count,
        position
        {{- ', null' * ((definition.key_names + definition.tracked_names) | length) }}
    from repeated
    where row_count > 0

)

select
    fate,
    row_count,
    position,
    delivery_to_apply.delivery_sqn,
    delivery_date,
    process_date,
    {{ quoted_list(definition.key_names + definition.tracked_names, prefix='said.') }}{{ ',' if definition.untracked_names }}
    {{ quoted_list(definition.untracked_names, prefix='modelled.') }}
from said
inner join delivery_to_apply using (position)
{%- if definition.untracked_names %}
left join (
{{ model_sql }}
) as modelled
    on modelled.delivery_sqn = delivery_to_apply.delivery_sqn
    and modelled.{{ is_any_of(deliveries) }}
    and said.fate in ('new', 'changed')
    and {{ key_match(definition.key_names, 'modelled', 'said') }}
{%- endif %}
{%- endmacro %}
