{% macro create_raw_table(relation, definition) -%}
    {#- as the first delivery makes it: models can be built before one has come -#}
    {%- set columns = {} -%}
    {%- for attribute in definition.attributes if not attribute.is_derived -%}
        {%- do columns.update({attribute.raw_column: 'text'}) -%}
    {%- endfor -%}
    {%- if definition.delete_column -%}
        {%- do columns.update({definition.delete_column: 'text'}) -%}
    {%- endif -%}
    {%- do columns.update({'_rest': 'jsonb', 'line_number': 'bigint', 'delivery_sqn': 'bigint', 'job_inst_id': 'bigint'}) -%}
    {%- do headwater.run_statement(headwater.create_table_sql(relation, columns.items() | list)) -%}
    {%- do headwater.run_statement(
        "create index if not exists " ~ headwater.sql_identifier(definition.name ~ '_sqn_idx') ~ " on " ~ relation
        ~ " using brin (delivery_sqn)"
    ) -%}
{%- endmacro %}
