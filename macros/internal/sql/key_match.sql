{% macro key_match(key_names, left, right) -%}
    {%- set conditions = [] -%}
    {%- for name in key_names -%}
        {%- do conditions.append(left ~ '.' ~ headwater.sql_identifier(name) ~ ' = ' ~ right ~ '.' ~ headwater.sql_identifier(name)) -%}
    {%- endfor -%}
    {{ return(conditions | join(' and ')) }}
{%- endmacro %}
