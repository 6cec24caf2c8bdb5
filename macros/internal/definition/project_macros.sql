{% macro project_macros(node) -%}
    {#- the macros that a model calls, and those that they call, but for those of the framework and of dbt, as pieces of code -#}
    {%- set found = {} -%}
    {%- set open = node.depends_on.macros | list -%}
    {%- for _ in range(1000) if open -%}
        {%- set package, name = open.pop().split('.')[1:3] -%}
        {%- if package not in ('headwater', 'dbt', 'dbt_postgres') and 'macro ' ~ package ~ '.' ~ name not in found -%}
            {%- set called = (context.get(package) or {}).get(name) -%}
            {%- if called -%}
                {%- do found.update({'macro ' ~ package ~ '.' ~ name: headwater.normalised_code(called.macro.macro_sql)}) -%}
                {%- do open.extend(called.macro.depends_on.macros) -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}
