{% macro history_columns(source_name) -%}
    {%- set definition = headwater.source_definition(source_name) -%}
    {{ 'is_delete_mark,' if definition.delete_column }}
    {%- for attribute in definition.attributes %}
        {{ headwater.sql_identifier(attribute.name) }}{{ ',' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
