{% macro typed(name) -%}
    {%- set column = headwater.sql_identifier(name) -%}
    {%- if not execute -%}
        {{ return(column) }}
    {%- endif -%}
    {%- set source_name = headwater.this_source() -%}
    {%- set recorded = headwater.recorded_metadata(source_name).definition -%}
    {%- set attribute = headwater.attribute_of(source_name, name) -%}
    {%- set rule = headwater.is_castable(column, attribute.data_type, attribute.format, recorded.value_syntax or 'canonical') -%}
    {%- if rule == 'true' -%}
        {{ return(column) }}
    {%- endif -%}
    {%- set cast = headwater.cast_text(column, attribute.data_type, attribute.format) -%}
    {#- a delete mark needs no more than a valid key -#}
    {%- if recorded.delete_column and not attribute.is_key -%}
        {%- set cast = '(case when not is_delete_mark or (' ~ rule ~ ') then ' ~ cast ~ ' end)::' ~ attribute.data_type -%}
    {%- endif -%}
    {{ return(cast) }}
{%- endmacro %}
