{% macro described_query(query) -%}
    {#- what Postgres knows of a query without running it: its columns with their types, the relations and functions that
        it reads. A view that is gone at once asks for it; a column that comes twice is refused here -#}
    {%- do headwater.run_statement("create temporary view described_query as\n" ~ query) -%}
    {%- set columns = run_query(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute"
        ~ " where attrelid = 'pg_temp.described_query'::regclass and attnum > 0 order by attnum"
    ).rows -%}
    {%- set reads = run_query(
        "select distinct refclassid::regclass::text, case refclassid when 'pg_class'::regclass"
        ~ " then (select nspname || '.' || relname from pg_class join pg_namespace on pg_namespace.oid = relnamespace where pg_class.oid = refobjid)"
        ~ " else (select nspname || '.' || proname from pg_proc join pg_namespace on pg_namespace.oid = pronamespace where pg_proc.oid = refobjid) end,"
        ~ " case refclassid when 'pg_proc'::regclass then (select provolatile::text from pg_proc where oid = refobjid) end,"
        ~ " case when refclassid = 'pg_proc'::regclass and (select prokind in ('f', 'p') from pg_proc where oid = refobjid)"
        ~ " then pg_get_functiondef(refobjid) end"
        ~ " from pg_rewrite inner join pg_depend on classid = 'pg_rewrite'::regclass and objid = pg_rewrite.oid"
        ~ " where ev_class = 'pg_temp.described_query'::regclass and refobjid <> ev_class"
        ~ " and refclassid in ('pg_class'::regclass, 'pg_proc'::regclass)"
        ~ " and not exists (select from pg_depend as of_extension where of_extension.classid = pg_depend.refclassid"
        ~ " and of_extension.objid = pg_depend.refobjid and of_extension.deptype = 'e')"
        ~ " order by 1, 2"
    ).rows -%}
    {%- do headwater.run_statement("drop view pg_temp.described_query") -%}
    {%- set described = {'columns': {}, 'relations': [], 'functions': {}, 'volatile_functions': []} -%}
    {%- for row in columns -%}
        {%- do described.columns.update({row[0]: row[1]}) -%}
    {%- endfor -%}
    {%- for row in reads -%}
        {%- if row[0] == 'pg_class' -%}
            {%- do described.relations.append(row[1]) -%}
        {%- elif not row[1].startswith('metadata.') -%}
            {%- do described.functions.update({row[1]: row[3]}) -%}
            {%- if row[2] == 'v' -%}
                {%- do described.volatile_functions.append(row[1]) -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(described) }}
{%- endmacro %}
