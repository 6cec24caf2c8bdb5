{% macro quoted_list(names, prefix='', suffix='', separator=', ') -%}
    {%- set quoted = [] -%}
    {%- for name in names -%}
        {%- do quoted.append(prefix ~ headwater.sql_identifier(name) ~ suffix) -%}
    {%- endfor -%}
    {{ return(quoted | join(separator)) }}
{%- endmacro %}
