{% macro require_comparable(source_name, model_name, columns) -%}
    {#- history compares the values of all columns: a type without equality, such as json, cannot be one of its own -#}
    {%- if columns -%}
        {%- set listed = [] -%}
        {%- for name, data_type in columns.items() -%}
            {%- do listed.append("(" ~ headwater.sql_literal(name) ~ ", " ~ headwater.sql_literal(data_type) ~ ")") -%}
        {%- endfor -%}
        {%- set found = run_query(
            "select name, data_type from (values " ~ listed | join(', ') ~ ") as added (name, data_type)"
            ~ " inner join pg_type as of_column on of_column.oid = data_type::regtype"
            ~ " inner join pg_type on pg_type.oid = case of_column.typcategory when 'A' then of_column.typelem else coalesce(nullif(of_column.typbasetype, 0), of_column.oid) end"
            ~ " where pg_type.typtype = 'b' and not exists ("
            ~ "select from pg_opclass inner join pg_am on pg_am.oid = opcmethod and amname in ('btree', 'hash')"
            ~ " where opcdefault and (opcintype = pg_type.oid or exists (select from pg_cast where castsource = pg_type.oid"
            ~ " and casttarget = opcintype and castmethod = 'b' and castcontext = 'i'))) limit 1"
        ).rows -%}
        {%- if found -%}
            {%- do headwater.raise_model_refused(
                source_name, model_name, "gives the column " ~ found[0][0] ~ " as " ~ found[0][1],
                "a type whose values can be compared, such as jsonb or text: history compares them"
            ) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
