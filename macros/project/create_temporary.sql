{% macro create_temporary(name, select_sql, planned_by=none) -%}
    {%- do run_statement("create temporary table " ~ name ~ " on commit drop as\n" ~ select_sql) -%}
    {%- if planned_by is none -%}
        {%- do run_statement("analyze " ~ name) -%}
    {%- elif planned_by -%}
        {%- do run_statement("analyze " ~ name ~ " (" ~ quoted_list(planned_by) ~ ")") -%}
    {%- endif -%}
{%- endmacro %}
