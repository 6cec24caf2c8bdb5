{% macro format_pattern(format) -%}
    {%- set months = 'January|February|March|April|May|June|July|August|September|October|November|December' -%}
    {#- longest first, so that Month is not read as Mon followed by th -#}
    {%- set tokens = [
        ('Month', '(' ~ months ~ ')', 'month'),
        ('YYYY', '([0-9]{4})', 'year'),
        ('HH24', '([0-9]{2})', 'hour'),
        ('Mon', '(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)', 'month'),
        ('MM', '([0-9]{2})', 'month'),
        ('DD', '([0-9]{1,2})', 'day'),
        ('MI', '([0-9]{2})', 'minute'),
        ('SS', '([0-9]{2}(?:[.][0-9]{1,6})?)', 'second'),
    ] -%}
    {%- set state = namespace(rest=format, pattern='', groups={}, taken=false) -%}
    {%- for _ in range(format | length) if state.rest -%}
        {%- set state.taken = false -%}
        {%- for token, pattern, part in tokens if not state.taken and state.rest.startswith(token) -%}
            {%- do state.groups.update({part: (state.groups | length) + 1}) -%}
            {%- set state.pattern = state.pattern ~ pattern -%}
            {%- set state.rest = state.rest[token | length:] -%}
            {%- set state.taken = true -%}
        {%- endfor -%}
        {%- if not state.taken -%}
            {%- set state.pattern = state.pattern ~ (
                state.rest[0] if state.rest[0] in ' ,/-:T' else '[' ~ state.rest[0] ~ ']'
            ) -%}
            {%- set state.rest = state.rest[1:] -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set day = [] -%}
    {%- for part in ('year', 'month', 'day') if part in state.groups -%}
        {%- do day.append('\\' ~ state.groups[part]) -%}
    {%- endfor -%}
    {%- set clock = [] -%}
    {%- for part in ('hour', 'minute', 'second') if part in state.groups -%}
        {%- do clock.append('\\' ~ state.groups[part]) -%}
    {%- endfor -%}
    {{ return({
        'pattern': '^' ~ state.pattern ~ '$',
        'canonical': [day | join('-'), clock | join(':')] | select | join(' '),
    }) }}
{%- endmacro %}
