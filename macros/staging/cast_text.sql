{% macro cast_text(text, data_type, format=none) -%}
    {%- set base = base_type(data_type) -%}
    {%- set format = none if is_canonical_format(data_type, format) else format -%}
    {%- if base == 'boolean' and format -%}
        {{ return(text ~ ' = ' ~ sql_literal(format.split('|')[0])) }}
    {%- elif format -%}
        {{ return(reformat_text(text, data_type, format) ~ '::' ~ data_type) }}
    {%- else -%}
        {{ return(text ~ '::' ~ data_type) }}
    {%- endif -%}
{%- endmacro %}
