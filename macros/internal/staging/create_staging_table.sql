{% macro create_staging_table(relation, definition) -%}
    {%- do headwater.run_statement(headwater.create_table_sql(relation, headwater.staging_columns(definition))) -%}
    {%- do headwater.run_statement(
        "create index if not exists " ~ headwater.sql_identifier(relation.identifier ~ '_delivery_sqn_idx')
        ~ " on " ~ relation ~ " (delivery_sqn)"
    ) -%}
{%- endmacro %}
