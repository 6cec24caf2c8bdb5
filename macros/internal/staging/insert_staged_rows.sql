{% macro insert_staged_rows(relation, definition, rows_sql, job_inst_id) -%}
    {%- set names = headwater.staging_columns(definition) | map('first') | reject('equalto', 'job_inst_id') | list -%}
insert into {{ relation }} (job_inst_id, {{ headwater.quoted_list(names) }})
select {{ job_inst_id }}, {{ headwater.quoted_list(names) }}
from (
{{ rows_sql }}
) as modelled
{%- endmacro %}
