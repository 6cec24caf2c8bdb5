{% macro format_pattern(format) -%}
    {#- what a text of this format looks like, and where in it each part stands -#}
    {%- set months = 'January|February|March|April|May|June|July|August|September|October|November|December' -%}
    {#- a day before a written-out month has one digit or two, and so has what FM stands before: no fixed places -#}
    {%- set is_fixed = 'Month' not in format and 'FM' not in format -%}
    {#- YY[1970]: two digits, and the first of the hundred years that they stand for -#}
    {%- set short_year = 'YY[' ~ format.split('YY[')[1][:5] if 'YY[' in format else '' -%}
    {%- if 'YY' in format | replace('YYYY', '') | replace(short_year or 'YYYY', '') -%}
        {% do exceptions.raise_compiler_error(
            "format_pattern: the format " ~ headwater.sql_literal(format) ~ " has a year of two digits without the first of its hundred years."
            ~ " Expected one such as YY[1970]."
        ) %}
    {%- endif -%}
    {#- longest first, so that Month is not read as Mon followed by th -#}
    {%- set tokens = [
        ('Month', '(' ~ months ~ ')', 'month', 0),
        ('FMMM', '[0-9]{1,2}', 'month', 2),
        ('FMDD', '[0-9]{1,2}', 'day', 2),
        ('YYYY', '[0-9]{4}', 'year', 4),
        (short_year or 'YYYY', '[0-9]{2}', 'year', 2),
        ('HH24', '([01][0-9]|2[0-3])', 'hour', 2),
        ('Mon', '(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)', 'month', 3),
        ('MM', '[0-9]{2}', 'month', 2),
        ('DD', '[0-9]{1,2}' if 'Month' in format else '[0-9]{2}', 'day', 2),
        ('MI', '[0-5][0-9]', 'minute', 2),
        ('SS', '[0-5][0-9]', 'second', 2),
    ] -%}
    {%- set state = namespace(rest=format, pattern='', parts={}, place=1, separators=[], is_taken=false) -%}
    {%- for _ in range(format | length) if state.rest -%}
        {%- set state.is_taken = false -%}
        {%- for token, pattern, part, width in tokens if not state.is_taken and state.rest.startswith(token) -%}
            {%- do state.parts.update({part: {'nth': (state.parts | length) + 1, 'place': state.place, 'width': width}}) -%}
            {%- set state.pattern = state.pattern ~ pattern -%}
            {%- set state.place = state.place + width -%}
            {%- set state.rest = state.rest[token | length:] -%}
            {%- set state.is_taken = true -%}
        {%- endfor -%}
        {%- if not state.is_taken -%}
            {%- set character = state.rest[0] -%}
            {%- do state.separators.append(character) -%}
            {%- set state.pattern = state.pattern ~ (character if character in ' ,/-:T' else '[' ~ character ~ ']') -%}
            {%- set state.place = state.place + 1 -%}
            {%- set state.rest = state.rest[1:] -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return({
        'pattern': '^' ~ state.pattern ~ '$',
        'is_fixed': is_fixed,
        'parts': state.parts,
        'first_year': short_year[3:-1] | int if short_year else none,
        'separators': state.separators | unique | list,
    }) }}
{%- endmacro %}
