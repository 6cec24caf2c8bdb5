{% macro movements(definition, moves_once=false) -%}
{%- set of_key = "over (partition by " ~ quoted_list(definition.key_names) ~ " order by position)" -%}
{#- what begins or ends versions, each with the movement of its key that follows -#}
select
    *,
    {% if moves_once -%}
    true as is_first,
    null as end_type,
    null::timestamptz as valid_to,
    null::bigint as ended_by_delivery_sqn
    {%- else -%}
    row_number() {{ of_key }} = 1 as is_first,
    lead(fate) {{ of_key }} as end_type,
    lead(delivery_date) {{ of_key }} as valid_to,
    lead(delivery_sqn) {{ of_key }} as ended_by_delivery_sqn
    {%- endif %}
from fate
where fate in ('new', 'changed', 'removed')
{%- endmacro %}
