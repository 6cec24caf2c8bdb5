{% macro is_castable(text, data_type, format=none, value_syntax='canonical') -%}
    {%- set base = headwater.base_type(data_type) -%}
    {%- set format = none if headwater.is_canonical_format(data_type, format) else format -%}
    {%- set is_valid = "pg_input_is_valid(" ~ text ~ ", " ~ headwater.sql_literal(data_type) ~ ")" -%}
    {%- set clock = '([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?' -%}
    {%- set day = '[0-9]{4}-[0-9]{2}-[0-9]{2}' -%}
    {%- set patterns = {
        'time': '^' ~ clock ~ '$',
        'timestamp': '^' ~ day ~ '[ T]' ~ clock ~ '$',
        'timestamptz': '^' ~ day ~ '[ T]' ~ clock ~ ' ?(Z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)$',
        'uuid': '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$',
    } -%}
    {%- set of_postgres = headwater.is_castable_by_postgres(text, data_type) if value_syntax == 'postgres' and not format else none -%}

    {%- if base == 'text' -%}
        {%- set rule = 'true' -%}
    {%- elif base == 'varchar' -%}
        {%- set rule = 'char_length(' ~ text ~ ') <= ' ~ data_type.split('(')[1].split(')')[0] -%}
    {%- elif headwater.is_spatial(data_type) -%}
        {%- set rule = headwater.is_castable_geometry(text, data_type, format) -%}
    {%- elif base in headwater.number_types() and format -%}
        {%- set number = headwater.reformat_text(text, data_type, format) -%}
        {%- set rule = text ~ ' ~ ' ~ headwater.sql_literal(headwater.number_format(format).pattern) ~ ' and ' ~ headwater.is_castable(number, data_type) -%}
    {%- elif base in ('smallint', 'integer', 'bigint') -%}
        {#- no 0x1F, no 1_000, no blank; a search for what must not be costs half of a pattern of what must -#}
        {%- set rule = text ~ " !~ '[^-+0-9]' and " ~ is_valid -%}
    {%- elif base in ('numeric', 'real', 'double precision') -%}
        {#- NaN and Infinity have other letters, so they go; what is left must still be a number to Postgres -#}
        {%- set rule = of_postgres or (text ~ " !~ '[^-+.0-9eE]' and " ~ is_valid) -%}
        {%- if base == 'numeric' and '(' in data_type -%}
            {%- set scale = (data_type.split('(')[1].split(')')[0].split(',') + ['0'])[1] | trim -%}
            {#- NaN has no scale, and loses nothing -#}
            {%- set digits = "scale(trim_scale(" ~ text ~ "::numeric))" -%}
            {%- set digits = "coalesce(" ~ digits ~ ", 0)" if of_postgres else digits -%}
            {%- set rule = "case when " ~ rule ~ " then " ~ digits ~ " <= " ~ scale ~ " else " ~ text ~ " is null end" -%}
        {%- endif -%}
    {%- elif of_postgres -%}
        {%- set rule = of_postgres -%}
    {%- elif base == 'boolean' -%}
        {%- if format -%}
            {%- set rule = text ~ ' in (' ~ headwater.sql_literal(format.split('|')[0]) ~ ', ' ~ headwater.sql_literal(format.split('|')[1]) ~ ')' -%}
        {%- else -%}
            {%- set rule = "lower(" ~ text ~ ") in ('true', 'false', 't', 'f')" -%}
        {%- endif -%}
    {%- elif base == 'jsonb' -%}
        {#- deep or huge JSON raises; a short text is neither, and needs no function of ours -#}
        {%- set rule = "case when octet_length(" ~ text ~ ") <= 500 then " ~ is_valid ~ " else metadata.is_jsonb(" ~ text ~ ") end" -%}
    {%- elif base == 'date' and not format -%}
        {#- a pattern of digits and dashes would take twice as long -#}
        {%- set rule = text ~ " like '____-__-__' and " ~ text ~ " not like '%-%-%-%' and " ~ text ~ " !~ '[^-0-9]' and " ~ is_valid -%}
    {%- elif (base in patterns or base == 'date') and format -%}
        {%- set rule = text ~ " ~ " ~ headwater.sql_literal(headwater.format_pattern(format).pattern) ~ " and pg_input_is_valid("
            ~ headwater.reformat_text(text, data_type, format) ~ ", " ~ headwater.sql_literal(data_type) ~ ")" -%}
    {%- elif base in patterns -%}
        {%- set rule = text ~ " ~ " ~ headwater.sql_literal(patterns[base]) ~ " and " ~ is_valid -%}
    {%- else -%}
        {% do exceptions.raise_compiler_error(
            "is_castable: no rule for the type " ~ data_type ~ ". Expected one that `headwater check` accepts."
        ) %}
    {%- endif -%}
    {{ return(rule) }}
{%- endmacro %}
