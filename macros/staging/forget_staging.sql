{% macro forget_staging(relation, definition) -%}
    {%- do run_statement("truncate " ~ relation) -%}
    {%- do run_statement(
        "delete from metadata.delivery_status using metadata.delivery where delivery.delivery_sqn = delivery_status.delivery_sqn"
        ~ " and source = " ~ sql_literal(definition.name) ~ " and layer = 'staging'"
    ) -%}
{%- endmacro %}
