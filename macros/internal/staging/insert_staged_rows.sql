{% macro insert_staged_rows(relation, definition, rows_sql, job_inst_id, hashing) -%}
    {%- set names = headwater.staging_columns(definition) | map('first') | reject('in', ['job_inst_id', '_row_hash']) | list -%}
insert into {{ relation }} (job_inst_id, _row_hash, {{ headwater.quoted_list(names) }})
select
    {{ job_inst_id }},
    {{ headwater.hash_of_staged_row('_row_hash', hashing) if hashing else 'null' }},
    {{ headwater.quoted_list(names) }}
from (
{{ rows_sql }}
) as modelled
{%- endmacro %}
