{% macro number_format(format) -%}
    {#- what a number of this format looks like, and how its signs are translated into those of Postgres -#}
    {%- set group = format[1] if format[1] != '2' else '' -%}
    {%- set decimal = (format.split('234')[1] ~ ' ')[0] | trim -%}
    {#- people write the same sign in several ways: a blank that does not break a line, a curly apostrophe -#}
    {%- set twins = {' ': '\\u00a0\\u202f', "'": '\\u2019'} -%}
    {%- set twin_chars = {' ': " || chr(160) || chr(8239)", "'": " || chr(8217)"} -%}
    {%- set groups = '(' ~ '[' ~ group ~ twins.get(group, '') ~ '][0-9]{3})+' if group else '' -%}
    {%- set whole = '([0-9]{1,3}' ~ groups ~ '|[0-9]+)' if group else '[0-9]+' -%}
    {{ return({
        'pattern': '^[-+]?' ~ whole ~ ('([' ~ decimal ~ '][0-9]+)?' if decimal else '') ~ '$',
        'from': headwater.sql_literal(decimal ~ group) ~ twin_chars.get(group, ''),
        'to': headwater.sql_literal('.' if decimal else ''),
    }) }}
{%- endmacro %}
