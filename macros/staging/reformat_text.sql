{% macro reformat_text(text, data_type, format) -%}
    {%- set parsed = format_pattern(format) -%}
    {%- set zone = '+00' if base_type(data_type) == 'timestamptz' else '' -%}
    {{ return("regexp_replace(" ~ text ~ ", '" ~ parsed.pattern ~ "', '" ~ parsed.canonical ~ zone ~ "')") }}
{%- endmacro %}
