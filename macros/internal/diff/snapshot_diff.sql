{% macro snapshot_diff(relation, definition, model_sql, delivery_sqn, may_be_unreadable) -%}
{%- set keys = headwater.quoted_list(definition.key_names) -%}
{%- set values = definition.tracked_names + definition.untracked_names -%}
{%- set current_row = "row(" ~ headwater.quoted_list(definition.tracked_names, prefix='current_version.') ~ ")" -%}
{%- set new_row = "row(" ~ headwater.quoted_list(definition.tracked_names, prefix='snapshot_row.') ~ ")" -%}
{#- new, changed and removed; and unreadable, for keys that are current and of which the snapshot has no row that can be read -#}
with

current_version as (

    select
        {{ headwater.quoted_list(definition.key_names + definition.tracked_names) }},
        true as _is_current
    from {{ relation }}
    where valid_to is null

),

snapshot_row as (

    select
        {{ headwater.quoted_list(definition.key_names + values) }},
        {{ 'not is_delete_mark' if definition.delete_column else 'true' }} as _is_there
    from (
{{ model_sql }}
    ) as modelled
    where delivery_sqn = {{ delivery_sqn }}

),

difference as (

    select
        case
            when _is_there and _is_current then 'changed'
            when _is_there then 'new'
            else 'removed'
        end as _change_kind,
        _is_there is null as _is_missing,
        {%- for name in definition.key_names %}
        coalesce(snapshot_row.{{ headwater.sql_identifier(name) }}, current_version.{{ headwater.sql_identifier(name) }}) as {{ headwater.sql_identifier(name) }},
        {%- endfor %}
        {{ headwater.quoted_list(values, prefix='snapshot_row.') or 'null as nothing' }}
    from current_version
    full join snapshot_row on {{ headwater.key_match(definition.key_names, 'current_version', 'snapshot_row') }}
    where (_is_current is true) <> (_is_there is true)
        or (_is_there and {{ current_row }} is distinct from {{ new_row }})

)

select
    {% if may_be_unreadable -%}
    case when _is_missing and unreadable.delivery_sqn is not null then 'unreadable' else _change_kind end as _change_kind,
    {%- else -%}
    _change_kind,
    {%- endif %}
    1::bigint as _row_count,
    _delivery_order,
    delivery_to_apply.delivery_sqn,
    delivery_date,
    process_date,
    {{ headwater.quoted_list(definition.key_names + values, prefix='difference.') }}
from difference
{% if may_be_unreadable -%}
left join (
    select distinct * from (
{{ headwater.unreadable_keys(definition, [delivery_sqn]) }}
    ) as unreadable_row
) as unreadable using ({{ keys }})
{% endif -%}
inner join delivery_to_apply on delivery_to_apply._delivery_order = 1
{%- endmacro %}
