{% macro typed_columns(source_name) -%}
    {%- set definition = source_definition(source_name) -%}
    {%- if definition.delete_column %}
        is_delete_mark,
    {%- endif -%}
    {%- for attribute in definition.attributes %}
        {%- set column = adapter.quote(attribute.name) %}
        {%- set rule = fits_type(column, attribute.data_type, attribute.format) %}
        {% if rule == 'true' -%}
            {{ column }}
        {%- else -%}
            case when {{ rule }} then {{ cast_text(column, attribute.data_type, attribute.format) }} end as {{ column }}
        {%- endif -%}
        {{- ',' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
