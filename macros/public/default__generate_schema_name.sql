{% macro default__generate_schema_name(custom_schema_name=none, node=none) -%}
    {{ custom_schema_name if custom_schema_name else target.schema }}
{%- endmacro %}
