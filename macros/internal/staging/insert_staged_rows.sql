{% macro insert_staged_rows(relation, definition, validated, job_inst_id) -%}
    {%- set names = [] -%}
    {%- for name, _ in headwater.staging_columns(definition) if name not in ('job_inst_id',) -%}
        {%- do names.append(name) -%}
    {%- endfor -%}
insert into {{ relation }} (job_inst_id, {{ headwater.quoted_list(names) }})
select {{ job_inst_id }}, {{ headwater.quoted_list(names) }}
from (
{{ validated }}
) as validated
where _reject_reason is null
{%- endmacro %}
