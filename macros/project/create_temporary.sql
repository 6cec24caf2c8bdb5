{% macro create_temporary(name, select_sql) -%}
    {%- do run_query("create temporary table " ~ name ~ " on commit drop as\n" ~ select_sql) -%}
    {%- do run_query("analyze " ~ name) -%}
{%- endmacro %}
