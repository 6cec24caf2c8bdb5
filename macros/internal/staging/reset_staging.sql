{% macro reset_staging(relation, definition) -%}
    {%- do headwater.run_statement("truncate " ~ relation) -%}
    {%- do headwater.run_statement(
        "delete from metadata.absent_key using metadata.delivery where delivery.delivery_sqn = absent_key.delivery_sqn"
        ~ " and source = " ~ headwater.sql_literal(definition.name)
    ) -%}
    {%- do headwater.run_statement(
        "delete from metadata.delivery_status using metadata.delivery where delivery.delivery_sqn = delivery_status.delivery_sqn"
        ~ " and source = " ~ headwater.sql_literal(definition.name) ~ " and layer = 'staging'"
    ) -%}
{%- endmacro %}
