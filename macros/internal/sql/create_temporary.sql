{% macro create_temporary(name, select_sql, planned_by=none) -%}
    {%- do headwater.run_statement("create temporary table " ~ name ~ " on commit drop as\n" ~ select_sql) -%}
    {%- if planned_by is none -%}
        {%- do headwater.run_statement("analyze " ~ name) -%}
    {%- elif planned_by -%}
        {%- do headwater.run_statement("analyze " ~ name ~ " (" ~ headwater.quoted_list(planned_by) ~ ")") -%}
    {%- endif -%}
{%- endmacro %}
