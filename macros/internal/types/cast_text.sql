{% macro cast_text(text, data_type, format=none) -%}
    {%- set base = headwater.base_type(data_type) -%}
    {%- set format = none if headwater.is_canonical_format(data_type, format) else format -%}
    {%- if base == 'boolean' and format -%}
        {{ return(text ~ ' = ' ~ headwater.sql_literal(format.split('|')[0])) }}
    {%- elif format -%}
        {{ return(headwater.reformat_text(text, data_type, format) ~ '::' ~ data_type) }}
    {%- else -%}
        {{ return(text ~ '::' ~ data_type) }}
    {%- endif -%}
{%- endmacro %}
