{% macro typed_columns(source_name) -%}
    {%- set definition = source_definition(source_name) -%}
    {%- if definition.delete_column %}
        is_delete_mark,
    {%- endif -%}
    {%- for attribute in definition.attributes %}
        {%- set column = sql_identifier(attribute.name) %}
        {%- set rule = fits_type(column, attribute.data_type, attribute.format, definition.value_syntax) %}
        {% if rule == 'true' -%}
            {{ column }}
        {%- else -%}
            {#- what cannot go on was judged already; asked again only where it did not say that this column is sound -#}
            {%- set is_sound = 'fall_out is null' -%}
            {%- if attribute.is_key -%}
                {%- set is_sound = 'fall_out is null or (' ~ rule ~ ')' -%}
            {%- elif definition.delete_column -%}
                {%- set is_sound = 'fall_out is null and (not is_delete_mark or (' ~ rule ~ '))' -%}
            {%- endif -%}
            case when {{ is_sound }} then {{ cast_text(column, attribute.data_type, attribute.format) }} end as {{ column }}
        {%- endif -%}
        {{- ',' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
