{% macro compare_snapshots(relation, definition, model_sql, to_apply) -%}
    {#- most rows of a series are the same from snapshot to snapshot: folded into intervals, a tenth of them or fewer
        is left to be put in order -#}
    {%- set deliveries = to_apply | map(attribute='delivery_sqn') | list -%}
    {#- a hash table that does not fit spills; sorting all the rows takes many times as long -#}
    {%- do headwater.run_statement("set local enable_sort = off; set local parallel_tuple_cost = 0.01") -%}
    {%- do headwater.create_temporary('validity_interval', headwater.validity_intervals(relation, definition, model_sql, to_apply)) -%}
    {%- do headwater.run_statement("reset enable_sort; reset parallel_tuple_cost") -%}
    {%- do headwater.create_temporary('key_with_gaps', headwater.keys_with_gaps(definition, deliveries)) -%}
    {%- set has_gaps = run_query("select exists (select from key_with_gaps)").rows[0][0] -%}
    {%- set of_intervals = headwater.diff_snapshot_series(definition, model_sql, deliveries, has_gaps) -%}
    {%- if has_gaps -%}
        {%- set of_events = headwater.change_set(
            relation, definition, model_sql, deliveries, has_snapshot=true, has_ties=false, keys_in='key_with_gaps'
        ) -%}
    {%- endif -%}
    {%- do headwater.create_temporary('change_set', of_intervals if not has_gaps else '(' ~ of_intervals ~ ')\nunion all\n(' ~ of_events ~ ')') -%}
    {%- do headwater.create_temporary(
        'version_change', headwater.version_changes(definition), planned_by=definition.key_names + ['_change_kind', '_is_first']
    ) -%}
{%- endmacro %}
