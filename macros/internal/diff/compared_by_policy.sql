{% macro compared_by_policy(definition) -%}
{#- where new or changed rows are not loaded, the row before is not what is current: a lifespan is the time between two
    removals, and within a lifespan the row that was admitted first remains the current one unless changes are loaded -#}
{%- set keys = headwater.quoted_list(definition.key_names) -%}
{%- set tracked = "row(" ~ headwater.quoted_list(definition.tracked_names) ~ ")" -%}
{%- set rows_of_lifespan = "over (partition by " ~ keys ~ ", _lifespan, _is_gone order by _delivery_order)" -%}
in_lifespans as (

    select
        *,
        count(*) filter (where _is_gone) over (partition by {{ keys }} order by _delivery_order) as _lifespan
    from latest_per_key

),

admitted as (

    select
        *,
        {{ 'true' if definition.load_new else 'bool_or(not _is_gone and (_delivery_order = 0 or _is_first_date)) over (partition by ' ~ keys ~ ', _lifespan)' }} as _is_admitted,
        not _is_gone and row_number() {{ rows_of_lifespan }} > 1 as _was_there,
        {{ 'lag' if definition.load_changed else 'first_value' }}({{ tracked }}) {{ rows_of_lifespan }} as _was
    from in_lifespans

),

preceded as (

    select
        *,
        lag(not _is_gone and _is_admitted) over (partition by {{ keys }} order by _delivery_order) is true as _was_current
    from admitted

),

compared as (

    select
        *,
        case
            when _delivery_order = 0 then 'current'
            when _is_gone and _was_current then 'removed'
            when _is_gone then 'nothing'
            when not _is_admitted then 'ignored'
            when not _was_there then 'new'
            when {{ tracked }} is not distinct from _was then 'unchanged'
            else {{ headwater.sql_literal('changed' if definition.load_changed else 'ignored') }}
        end as _change_kind
    from preceded

)
{%- endmacro %}
