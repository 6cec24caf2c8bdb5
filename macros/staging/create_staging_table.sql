{% macro create_staging_table(relation, definition) -%}
    {%- do run_query(create_table_sql(relation, staging_columns(definition))) -%}
    {%- do run_query(
        "create index if not exists " ~ adapter.quote(relation.identifier ~ '_delivery_sqn_idx')
        ~ " on " ~ relation ~ " (delivery_sqn)"
    ) -%}
{%- endmacro %}
