{% macro analyze_when_grown(relation) -%}
    {#- without statistics the planner takes a table that was just filled for an empty one; but sampling a long history
        after every small delta would cost more than the delta -#}
    {%- set has_grown = run_query(
        "select reltuples < 0 or (select count(*) from movement) > 0.1 * reltuples from pg_class"
        ~ " where oid = '" ~ relation ~ "'::regclass"
    ).rows[0][0] -%}
    {%- if has_grown -%}
        {%- do run_query("analyze " ~ relation) -%}
    {%- endif -%}
{%- endmacro %}
