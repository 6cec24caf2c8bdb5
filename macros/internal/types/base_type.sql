{% macro base_type(data_type) -%}
    {{ return(data_type.split('(')[0] | trim | lower) }}
{%- endmacro %}
