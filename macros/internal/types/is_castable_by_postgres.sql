{% macro is_castable_by_postgres(text, data_type) -%}
    {#- what a Postgres writes of its own values, and no other spelling: a zone or a time of day is never dropped -#}
    {%- set base = headwater.base_type(data_type) -%}
    {%- set is_valid = "pg_input_is_valid(" ~ text ~ ", " ~ headwater.sql_literal(data_type) ~ ")" -%}
    {%- set day = '[0-9]{4,}-[0-9]{2}-[0-9]{2}' -%}
    {%- set minute = '[0-5][0-9]' -%}
    {%- set clock = '([01][0-9]|2[0-3]):' ~ minute ~ '(:' ~ minute ~ '([.][0-9]{1,6})?)?' -%}
    {%- set zone = ' ?(Z|UTC|[+-][0-9]{2}(:?[0-9]{2}(:?[0-9]{2})?)?)' -%}
    {%- set patterns = {
        'date': '^(' ~ day ~ '( BC)?|-?infinity)$',
        'time': '^(' ~ clock ~ '|24:00:00)$',
        'timestamp': '^(' ~ day ~ '[ T]' ~ clock ~ '( BC)?|-?infinity)$',
        'timestamptz': '^(' ~ day ~ '[ T]' ~ clock ~ zone ~ '( BC)?|-?infinity)$',
    } -%}
    {%- if base in patterns -%}
        {{ return(text ~ " ~ " ~ headwater.sql_literal(patterns[base]) ~ " and " ~ is_valid) }}
    {%- elif base in ('numeric', 'real', 'double precision') -%}
        {{ return('(' ~ text ~ " !~ '[^-+.0-9eE]' or " ~ text ~ " in ('NaN', 'Infinity', '-Infinity')) and " ~ is_valid) }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}
