{% macro point_text(text, format) -%}
    {#- WKT of a pair of coordinates that has the pattern of its format, else a blank text, which is no geometry -#}
    {%- set names = format.strip('()') -%}
    {%- set sign = names | replace('lat', '') | replace('lon', '') | replace('x', '') | replace('y', '') -%}
    {%- set first = names.split(sign)[0] -%}
    {%- set number = '[-+]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][-+]?[0-9]+)?' -%}
    {%- set between = ' ' if sign == ' ' else ' *[' ~ sign ~ '] *' -%}
    {%- set pattern = number ~ between ~ number -%}
    {%- if format.startswith('(') -%}
        {%- set pattern = '[(] *' ~ pattern ~ ' *[)]' -%}
    {%- endif -%}
    {#- the WKT of PostGIS knows no plus before a number -#}
    {%- set part = "split_part(btrim(translate(" ~ text ~ ", '+', ''), '( )'), " ~ headwater.sql_literal(sign) ~ ", " -%}
    {%- set east, north = ('1', '2') if first in ('lon', 'x') else ('2', '1') -%}
    {{ return(
        "case when " ~ text ~ " ~ " ~ headwater.sql_literal('^ *' ~ pattern ~ ' *$')
        ~ " then 'POINT(' || " ~ part ~ east ~ ") || ' ' || " ~ part ~ north ~ ") || ')' else left(" ~ text ~ ", 0) end"
    ) }}
{%- endmacro %}
