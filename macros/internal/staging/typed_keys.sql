{% macro typed_keys(definition) -%}
    {#- the key columns of cleaned rows, null where a text does not fit -#}
    {%- for attribute in definition.attributes if attribute.is_key -%}
        {%- set column = headwater.sql_identifier(attribute.name) -%}
        {%- set rule = headwater.is_castable(column, attribute.data_type, attribute.format, definition.value_syntax) -%}
        {%- set cast = headwater.cast_text(column, attribute.data_type, attribute.format) -%}
        {{ cast if rule == 'true' else 'case when ' ~ rule ~ ' then ' ~ cast ~ ' end' }} as {{ column }}{{ ',\n' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
