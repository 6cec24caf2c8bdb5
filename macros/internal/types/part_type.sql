{% macro part_type(data_type) -%}
    {#- a cast to a type with a length cuts what is longer, and would make another part of it -#}
    {%- set base = headwater.base_type(data_type) -%}
    {{ return('text' if base in ('text', 'varchar') else base) }}
{%- endmacro %}
