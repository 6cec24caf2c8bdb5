{% macro analyze_when_grown(relation, moved) -%}
    {#- without statistics the planner takes a table that was just filled for an empty one; but sampling a long table
        after every small delivery would cost more than the delivery -#}
    {%- set has_grown = run_query(
        "select reltuples < 0 or (" ~ moved ~ ") > 0.1 * reltuples from pg_class where oid = " ~ headwater.sql_literal(relation)
        ~ "::regclass"
    ).rows[0][0] -%}
    {%- if has_grown -%}
        {%- do headwater.run_statement("analyze " ~ relation) -%}
    {%- endif -%}
{%- endmacro %}
