{% macro create_table_sql(relation, columns, not_null=('delivery_sqn', 'line_number', 'job_inst_id')) -%}
create table if not exists {{ relation }} (
    {%- for name, data_type in columns %}
    {{ headwater.sql_identifier(name) }} {{ data_type }}{{ ' not null' if name in not_null }}{{ ',' if not loop.last }}
    {%- endfor %}
)
{%- endmacro %}
