{% macro create_staging_table(relation, definition) -%}
    {%- do run_statement(create_table_sql(relation, staging_columns(definition))) -%}
    {%- do run_statement(
        "create index if not exists " ~ sql_identifier(relation.identifier ~ '_delivery_sqn_idx')
        ~ " on " ~ relation ~ " (delivery_sqn)"
    ) -%}
{%- endmacro %}
