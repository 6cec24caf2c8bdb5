{% macro insert_staged_rows(relation, definition, judged, job_inst_id) -%}
    {%- set names = [] -%}
    {%- for name, _ in staging_columns(definition) if name not in ('job_inst_id',) -%}
        {%- do names.append(name) -%}
    {%- endfor -%}
insert into {{ relation }} (job_inst_id, {{ quoted_list(names) }})
select {{ job_inst_id }}, {{ quoted_list(names) }}
from (
{{ judged }}
) as judged
where verdict is null
{%- endmacro %}
