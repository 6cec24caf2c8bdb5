{% macro forget_staging(relation, definition) -%}
    {%- do run_query("truncate " ~ relation) -%}
    {%- do run_query(
        "delete from metadata.delivery_status using metadata.delivery where delivery.delivery_sqn = delivery_status.delivery_sqn"
        ~ " and source = " ~ sql_literal(definition.name) ~ " and layer = 'staging'"
    ) -%}
{%- endmacro %}
