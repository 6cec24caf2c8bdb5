{% macro reformat_text(text, data_type, format) -%}
    {#- the text as Postgres reads it whatever its settings: a number with its own signs; year, month, day, then the
        clock. Cut out by place or by separator: regexp_replace with groups takes a hundred times as long -#}
    {%- if headwater.base_type(data_type) in headwater.number_types() -%}
        {%- set signs = headwater.number_format(format) -%}
        {{ return('translate(' ~ text ~ ', ' ~ signs.from ~ ', ' ~ signs.to ~ ')') }}
    {%- endif -%}
    {%- if headwater.is_spatial(data_type) -%}
        {{ return('(' ~ headwater.point_text(text, format) ~ ')') }}
    {%- endif -%}
    {%- set parsed = headwater.format_pattern(format) -%}
    {%- if not parsed.is_fixed and parsed.separators | length != 1 -%}
        {% do exceptions.raise_compiler_error(
            "reformat_text: the format " ~ format ~ " has parts of no fixed length and more than one kind of separator."
            ~ " Expected one kind, as in DD Month YYYY."
        ) %}
    {%- endif -%}
    {%- set day = [] -%}
    {%- set clock = [] -%}
    {%- for part in ('year', 'month', 'day', 'hour', 'minute', 'second') if part in parsed.parts -%}
        {%- set at = parsed.parts[part] -%}
        {%- set cut = 'substr(' ~ text ~ ', ' ~ at.place ~ ', ' ~ at.width ~ ')' if parsed.is_fixed
            else 'split_part(' ~ text ~ ', ' ~ headwater.sql_literal(parsed.separators[0]) ~ ', ' ~ at.nth ~ ')' -%}
        {%- if part == 'year' and parsed.first_year is not none -%}
            {#- compared as text: a text of another form must not fail before its pattern was compared -#}
            {%- set century = parsed.first_year // 100 -%}
            {%- set begins = headwater.sql_literal('%02d' | format(parsed.first_year % 100)) -%}
            {%- set cut = '(case when ' ~ cut ~ ' >= ' ~ begins ~ ' collate "C" then ' ~ headwater.sql_literal(century | string)
                ~ ' else ' ~ headwater.sql_literal((century + 1) | string) ~ ' end || ' ~ cut ~ ')' -%}
        {%- endif -%}
        {%- do (day if part in ('year', 'month', 'day') else clock).append(cut) -%}
    {%- endfor -%}
    {%- set sides = [day | join(" || '-' || "), clock | join(" || ':' || ")] | select | join(" || ' ' || ") -%}
    {{ return('(' ~ sides ~ (" || '+00'" if headwater.base_type(data_type) == 'timestamptz' else '') ~ ')') }}
{%- endmacro %}
