{% macro movements(definition) -%}
{%- set of_key = "over (partition by " ~ quoted_list(definition.key_names) ~ " order by position)" -%}
{#- what begins or ends versions, each with the movement of its key that follows -#}
select
    *,
    row_number() {{ of_key }} = 1 as is_first,
    lead(fate) {{ of_key }} as end_type,
    lead(delivery_date) {{ of_key }} as valid_to,
    lead(delivery_sqn) {{ of_key }} as ended_by_delivery_sqn
from fate
where fate in ('new', 'changed', 'removed')
{%- endmacro %}
