{% macro typed_columns(source_name) -%}
    {%- set definition = headwater.source_definition(source_name) -%}
    {%- if definition.delete_column %}
        is_delete_mark,
    {%- endif -%}
    {%- for attribute in definition.attributes %}
        {%- set column = headwater.sql_identifier(attribute.name) %}
        {%- set rule = headwater.is_castable(column, attribute.data_type, attribute.format, definition.value_syntax) %}
        {% if rule == 'true' -%}
            {{ column }}
        {%- else -%}
            {#- what cannot go on was validated already; asked again only where that does not prove this column valid -#}
            {%- set is_valid = 'reject_reason is null' -%}
            {%- if attribute.is_key -%}
                {%- set is_valid = 'reject_reason is null or (' ~ rule ~ ')' -%}
            {%- elif definition.delete_column -%}
                {%- set is_valid = 'reject_reason is null and (not is_delete_mark or (' ~ rule ~ '))' -%}
            {%- endif -%}
            case when {{ is_valid }} then {{ headwater.cast_text(column, attribute.data_type, attribute.format) }} end as {{ column }}
        {%- endif -%}
        {{- ',' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
