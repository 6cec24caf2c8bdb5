{% macro version_changes(definition, changes_once=false) -%}
{%- set of_key = "over (partition by " ~ headwater.quoted_list(definition.key_names) ~ " order by _delivery_order)" -%}
{#- what begins or ends versions, each with the change of its key that follows -#}
select
    *,
    {% if changes_once -%}
    true as _is_first,
    null as end_type,
    null::timestamptz as valid_to,
    null::bigint as ended_by_delivery_sqn
    {%- else -%}
    row_number() {{ of_key }} = 1 as _is_first,
    lead(_change_kind) {{ of_key }} as end_type,
    lead(delivery_date) {{ of_key }} as valid_to,
    lead(delivery_sqn) {{ of_key }} as ended_by_delivery_sqn
    {%- endif %}
from {{ '(' ~ headwater.latest_values(definition) ~ ') as with_latest_values' if definition.latest_names else 'change_set' }}
where _change_kind in ('new', 'changed', 'removed')
{%- endmacro %}
