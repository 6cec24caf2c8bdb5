{% macro sql_identifier(identifier) -%}
    {#- adapter.quote puts quotes around a name and doubles none that are in it -#}
    {{ return('"' ~ (identifier | string | replace('"', '""')) ~ '"') }}
{%- endmacro %}
