{% macro compare_snapshot(relation, definition, model_sql, delivery_sqn) -%}
    {#- a full join with what is current: a row that says nothing new is met once, and goes no further -#}
    {%- set current_count = run_query("select count(*) from " ~ relation ~ " where valid_to is null").rows[0][0] | int -%}
    {%- set may_be_unreadable = run_query(has_unreadable_keys([delivery_sqn])).rows[0][0] -%}
    {#- few rows leave the join, but the planner expects them all, and would not share the work for that -#}
    {%- do run_statement("set local parallel_tuple_cost = 0.01") -%}
    {%- do create_temporary(
        'fate',
        fates_of_snapshot(relation, definition, model_sql, delivery_sqn, may_be_unreadable),
        planned_by=[]
    ) -%}
    {%- do run_statement("reset parallel_tuple_cost") -%}
    {#- counted from the other side of the join: the ledger then compares it with what is staged -#}
    {%- do run_statement(
        "insert into fate (fate, row_count, position, delivery_sqn)"
        ~ " select 'unchanged', " ~ current_count ~ " - count(*) filter (where fate <> 'new'), 1, " ~ delivery_sqn
        ~ " from fate"
    ) -%}
    {%- do create_temporary(
        'movement', movements(definition, moves_once=true), planned_by=definition.key_names + ['fate', 'is_first']
    ) -%}
{%- endmacro %}
