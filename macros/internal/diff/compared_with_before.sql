{% macro compared_with_before(definition) -%}
{%- set before = "over (partition by " ~ headwater.quoted_list(definition.key_names) ~ " order by _delivery_order)" -%}
{%- set tracked = "row(" ~ headwater.quoted_list(definition.tracked_names) ~ ")" -%}
preceded as (

    select
        *,
        lag(not _is_gone) {{ before }} is true as _was_there,
        lag({{ tracked }}) {{ before }} as _was
    from latest_per_key

),

compared as (

    select
        *,
        case
            when _delivery_order = 0 then 'current'
            when _is_gone and _was_there then 'removed'
            when _is_gone then 'nothing'
            when not _was_there then 'new'
            when {{ tracked }} is not distinct from _was then 'unchanged'
            else 'changed'
        end as _change_kind
    from preceded

)
{%- endmacro %}
