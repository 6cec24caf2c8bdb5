{% macro key_match(key_names, left, right) -%}
    {%- set conditions = [] -%}
    {%- for name in key_names -%}
        {%- do conditions.append(left ~ '.' ~ adapter.quote(name) ~ ' = ' ~ right ~ '.' ~ adapter.quote(name)) -%}
    {%- endfor -%}
    {{ return(conditions | join(' and ')) }}
{%- endmacro %}
