{% macro described_query(query, reads='staging') -%}
    {#- what Postgres knows of a query without running it, from a view that is gone at once. A column that comes twice is
        refused here -#}
    {%- do headwater.run_statement("create temporary view described_query as\n" ~ query) -%}
    {%- set columns = run_query(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute"
        ~ " where attrelid = 'pg_temp.described_query'::regclass and attnum > 0 order by attnum"
    ).rows -%}
    {%- set relations = run_query(
        "select distinct nspname || '.' || relname from pg_rewrite"
        ~ " inner join pg_depend on classid = 'pg_rewrite'::regclass and objid = pg_rewrite.oid"
        ~ " inner join pg_class on refclassid = 'pg_class'::regclass and pg_class.oid = refobjid"
        ~ " inner join pg_namespace on pg_namespace.oid = relnamespace"
        ~ " where ev_class = 'pg_temp.described_query'::regclass and refobjid <> ev_class order by 1"
    ).rows -%}
    {%- set called = run_query(headwater.called_functions('pg_temp.described_query')).rows -%}
    {%- set across_rows = run_query(headwater.crossing_of_rows('pg_temp.described_query', reads)).rows[0][0] -%}
    {%- do headwater.run_statement("drop view pg_temp.described_query") -%}
    {%- set described = {
        'columns': {}, 'relations': relations | map('first') | list, 'functions': {}, 'changing': [], 'across_rows': across_rows
    } -%}
    {%- for row in columns -%}
        {%- do described.columns.update({row[0]: row[1]}) -%}
    {%- endfor -%}
    {%- for row in called -%}
        {%- do described.changing.append(row[0]) if row[1] -%}
        {%- do described.functions.update({row[0]: row[2]}) if row[2] -%}
    {%- endfor -%}
    {{ return(described) }}
{%- endmacro %}
