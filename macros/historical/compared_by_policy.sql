{% macro compared_by_policy(definition) -%}
{#- where new or changed rows are not loaded, the row before is not what is current: a stay is the time between two
    removals, and within a stay the row that was let in first remains the current one unless changes are loaded -#}
{%- set keys = quoted_list(definition.key_names) -%}
{%- set tracked = "row(" ~ quoted_list(definition.tracked_names) ~ ")" -%}
{%- set rows_of_stay = "over (partition by " ~ keys ~ ", stay, is_gone order by position)" -%}
in_stays as (

    select
        *,
        count(*) filter (where is_gone) over (partition by {{ keys }} order by position) as stay
    from last_words

),

let_in as (

    select
        *,
        {{ 'true' if definition.load_new else 'bool_or(not is_gone and (position = 0 or is_first_date)) over (partition by ' ~ keys ~ ', stay)' }} as is_let_in,
        not is_gone and row_number() {{ rows_of_stay }} > 1 as was_there,
        {{ 'lag' if definition.load_changed else 'first_value' }}({{ tracked }}) {{ rows_of_stay }} as was
    from in_stays

),

preceded as (

    select
        *,
        lag(not is_gone and is_let_in) over (partition by {{ keys }} order by position) is true as was_current
    from let_in

),

compared as (

    select
        *,
        case
            when position = 0 then 'current'
            when is_gone and was_current then 'removed'
            when is_gone then 'nothing'
            when not is_let_in then 'ignored'
            when not was_there then 'new'
            when {{ tracked }} is not distinct from was then 'unchanged'
            else {{ sql_literal('changed' if definition.load_changed else 'ignored') }}
        end as fate
    from preceded

)
{%- endmacro %}
