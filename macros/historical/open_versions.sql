{% macro open_versions(relation, definition, job_inst_id) -%}
{%- set columns = quoted_list(definition.key_names + definition.tracked_names + definition.untracked_names) -%}
insert into {{ relation }} (
    {{ columns }},
    valid_from,
    valid_to,
    change_type,
    end_type,
    delivery_sqn,
    ended_by_delivery_sqn,
    job_inst_id,
    process_date
)
select
    {{ columns }},
    delivery_date,
    valid_to,
    fate,
    end_type,
    delivery_sqn,
    ended_by_delivery_sqn,
    {{ job_inst_id }},
    process_date
from movement
where fate in ('new', 'changed')
{%- endmacro %}
