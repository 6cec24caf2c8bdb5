{% macro is_spatial(data_type) -%}
    {{ return(headwater.base_type(data_type) in ('geometry', 'geography')) }}
{%- endmacro %}
