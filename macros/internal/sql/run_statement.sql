{% macro run_statement(sql) -%}
    {#- run_query makes a table of the answer, also where there is none, which takes longer than most statements -#}
    {%- if execute -%}
        {%- do adapter.add_query(sql, auto_begin=false) -%}
    {%- endif -%}
{%- endmacro %}
