{% macro compared_with_before(definition) -%}
{%- set before = "over (partition by " ~ quoted_list(definition.key_names) ~ " order by position)" -%}
{%- set tracked = "row(" ~ quoted_list(definition.tracked_names) ~ ")" -%}
preceded as (

    select
        *,
        lag(not is_gone) {{ before }} is true as was_there,
        lag({{ tracked }}) {{ before }} as was
    from last_words

),

compared as (

    select
        *,
        case
            when position = 0 then 'current'
            when is_gone and was_there then 'removed'
            when is_gone then 'nothing'
            when not was_there then 'new'
            when {{ tracked }} is not distinct from was then 'unchanged'
            else 'changed'
        end as fate
    from preceded

)
{%- endmacro %}
