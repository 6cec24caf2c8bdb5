{% macro open_versions(relation, definition, job_inst_id) -%}
insert into {{ relation }} (
    {{ headwater.quoted_list(definition.key_names + definition.tracked_names + definition.untracked_names) }},
    valid_from,
    valid_to,
    change_type,
    end_type,
    delivery_sqn,
    ended_by_delivery_sqn,
    process_date,
    job_inst_id
)
select
    opened.*,
    {{ job_inst_id }}
from (
    {{ headwater.opened_versions(definition) | indent(4) }}
) as opened
{%- endmacro %}
