{% macro compare_snapshot(relation, definition, model_sql, delivery_sqn) -%}
    {#- a full join with what is current: a row that says nothing new is met once, and goes no further -#}
    {%- set current_count = run_query("select count(*) from " ~ relation ~ " where valid_to is null").rows[0][0] | int -%}
    {%- set may_be_unreadable = run_query(headwater.has_unreadable_keys([delivery_sqn])).rows[0][0] -%}
    {#- few rows leave the join, but the planner expects them all, and would not share the work for that -#}
    {%- do headwater.run_statement("set local parallel_tuple_cost = 0.01") -%}
    {%- do headwater.create_temporary(
        'change_set',
        headwater.snapshot_diff(relation, definition, model_sql, delivery_sqn, may_be_unreadable),
        planned_by=[]
    ) -%}
    {%- do headwater.run_statement("reset parallel_tuple_cost") -%}
    {#- counted from the other side of the join: the ledger then compares it with what is staged -#}
    {%- do headwater.run_statement(
        "insert into change_set (_change_kind, _row_count, _delivery_order, delivery_sqn)"
        ~ " select 'unchanged', " ~ current_count ~ " - count(*) filter (where _change_kind <> 'new'), 1, " ~ delivery_sqn
        ~ " from change_set"
    ) -%}
    {%- do headwater.create_temporary(
        'version_change', headwater.version_changes(definition, changes_once=true), planned_by=definition.key_names + ['_change_kind', '_is_first']
    ) -%}
{%- endmacro %}
