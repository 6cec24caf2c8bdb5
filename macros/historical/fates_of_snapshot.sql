{% macro fates_of_snapshot(relation, definition, model_sql, delivery_sqn, may_be_unreadable) -%}
{%- set keys = quoted_list(definition.key_names) -%}
{%- set values = definition.tracked_names + definition.untracked_names -%}
{%- set held_row = "row(" ~ quoted_list(definition.tracked_names, prefix='held.') ~ ")" -%}
{%- set said_row = "row(" ~ quoted_list(definition.tracked_names, prefix='said.') ~ ")" -%}
{#- new, changed and removed; and unreadable, for keys that are current and of which the snapshot says no more than that -#}
with

held as (

    select
        {{ quoted_list(definition.key_names + definition.tracked_names) }},
        true as is_held
    from {{ relation }}
    where valid_to is null

),

said as (

    select
        {{ quoted_list(definition.key_names + values) }},
        {{ 'not is_delete_mark' if definition.delete_column else 'true' }} as is_there
    from (
{{ model_sql }}
    ) as modelled
    where delivery_sqn = {{ delivery_sqn }}

),

moved as (

    select
        case
            when is_there and is_held then 'changed'
            when is_there then 'new'
            else 'removed'
        end as fate,
        is_there is null as is_silent,
        {%- for name in definition.key_names %}
        coalesce(said.{{ sql_identifier(name) }}, held.{{ sql_identifier(name) }}) as {{ sql_identifier(name) }},
        {%- endfor %}
        {{ quoted_list(values, prefix='said.') or 'null as nothing' }}
    from held
    full join said on {{ key_match(definition.key_names, 'held', 'said') }}
    where (is_held is true) <> (is_there is true)
        or (is_there and {{ held_row }} is distinct from {{ said_row }})

)

select
    {% if may_be_unreadable -%}
    case when is_silent and unreadable.delivery_sqn is not null then 'unreadable' else fate end as fate,
    {%- else -%}
    fate,
    {%- endif %}
    1::bigint as row_count,
    position,
    delivery_to_apply.delivery_sqn,
    delivery_date,
    process_date,
    {{ quoted_list(definition.key_names + values, prefix='moved.') }}
from moved
{% if may_be_unreadable -%}
left join (
    select distinct * from (
{{ unreadable_keys(definition, [delivery_sqn]) }}
    ) as unreadable_row
) as unreadable using ({{ keys }})
{% endif -%}
inner join delivery_to_apply on delivery_to_apply.position = 1
{%- endmacro %}
