{% macro compare_snapshots(relation, definition, model_sql, to_apply) -%}
    {#- most rows of a series are the same from snapshot to snapshot: folded into runs, a tenth of them or fewer is left
        to be put in order -#}
    {%- set deliveries = to_apply | map(attribute='delivery_sqn') | list -%}
    {#- a hash table that does not fit spills; sorting all the rows takes many times as long -#}
    {%- do run_statement("set local enable_sort = off; set local parallel_tuple_cost = 0.01") -%}
    {%- do create_temporary('run', runs(relation, definition, model_sql, to_apply)) -%}
    {%- do run_statement("reset enable_sort; reset parallel_tuple_cost") -%}
    {%- do create_temporary('restless_key', restless_keys(definition, deliveries)) -%}
    {%- set has_restless = run_query("select exists (select from restless_key)").rows[0][0] -%}
    {%- set of_runs = fates_of_runs(definition, model_sql, deliveries, has_restless) -%}
    {%- if has_restless -%}
        {%- set of_words = fates(
            relation, definition, model_sql, deliveries, has_snapshot=true, has_ties=false, keys_in='restless_key'
        ) -%}
    {%- endif -%}
    {%- do create_temporary('fate', of_runs if not has_restless else '(' ~ of_runs ~ ')\nunion all\n(' ~ of_words ~ ')') -%}
    {%- do create_temporary(
        'movement', movements(definition), planned_by=definition.key_names + ['fate', 'is_first']
    ) -%}
{%- endmacro %}
