{% macro compare_deliveries(relation, definition, model_sql, to_apply, was_empty=false) -%}
    {#- four ways to the same relations, change_set and version_change: most loads are one snapshot, or a backfill of many,
        and need neither the order of single events nor windows over every row. Returns whether version_change is a view -#}
    {%- set deliveries = to_apply | map(attribute='delivery_sqn') | list -%}
    {%- set snapshots = to_apply | selectattr('is_snapshot') | list -%}
    {%- set of_parts = to_apply | selectattr('is_of_parts') | map(attribute='delivery_sqn') | list -%}
    {%- set has_ties = to_apply | selectattr('is_tied') | list | length > 0 -%}
    {%- set loads_all = definition.load_new and definition.load_changed and definition.load_removed
        and not definition.latest_names -%}

    {%- if definition.partition_by -%}
        {%- do headwater.create_temporary('spoken_part', headwater.spoken_parts(definition, model_sql, of_parts)) -%}
    {%- endif -%}
    {%- if was_empty and loads_all and snapshots == to_apply and to_apply | length == 1 -%}
        {%- do headwater.compare_first_snapshot(definition, model_sql, deliveries[0]) -%}
        {{ return(true) }}
    {%- elif loads_all and snapshots == to_apply and to_apply | length == 1 -%}
        {%- do headwater.compare_snapshot(relation, definition, model_sql, deliveries[0]) -%}
    {%- elif loads_all and snapshots == to_apply and not has_ties -%}
        {%- do headwater.compare_snapshots(relation, definition, model_sql, to_apply) -%}
    {%- else -%}
        {%- if not snapshots -%}
            {%- set has_null_parts = of_parts and run_query(
                "select exists (select from spoken_part where num_nulls(" ~ headwater.quoted_list(definition.partition_by) ~ ") > 0)"
            ).rows[0][0] -%}
            {%- do headwater.create_temporary('affected_key', headwater.affected_keys(
                relation, definition, model_sql, deliveries, of_parts | length > 0, has_null_parts
            )) -%}
        {%- endif -%}
        {%- do headwater.create_temporary('change_set', headwater.change_set(
            relation, definition, model_sql, deliveries, (snapshots or of_parts) | length > 0, has_ties,
            keys_in='affected_key' if not snapshots
        )) -%}
        {%- do headwater.create_temporary(
            'version_change', headwater.version_changes(definition), planned_by=definition.key_names + ['_change_kind', '_is_first']
        ) -%}
    {%- endif -%}
    {{ return(false) }}
{%- endmacro %}
