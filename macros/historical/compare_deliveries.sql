{% macro compare_deliveries(relation, definition, model_sql, to_apply) -%}
    {#- three ways to the same tables, fate and movement: most loads are one snapshot, or a backfill of many, and need
        neither the order of single words nor windows over every row -#}
    {%- set deliveries = to_apply | map(attribute='delivery_sqn') | list -%}
    {%- set snapshots = to_apply | selectattr('is_snapshot') | list -%}
    {%- set has_ties = to_apply | selectattr('is_tied') | list | length > 0 -%}
    {%- set loads_all = definition.load_new and definition.load_changed and definition.load_removed -%}

    {%- if loads_all and snapshots == to_apply and to_apply | length == 1 -%}
        {%- do compare_snapshot(relation, definition, model_sql, deliveries[0]) -%}
    {%- elif loads_all and snapshots == to_apply and not has_ties -%}
        {%- do compare_snapshots(relation, definition, model_sql, to_apply) -%}
    {%- else -%}
        {%- if not snapshots -%}
            {%- do create_temporary('heard_key', heard_keys(definition, model_sql, deliveries)) -%}
        {%- endif -%}
        {%- do create_temporary('fate', fates(
            relation, definition, model_sql, deliveries, snapshots | length > 0, has_ties,
            keys_in='heard_key' if not snapshots
        )) -%}
        {%- do create_temporary(
            'movement', movements(definition), planned_by=definition.key_names + ['fate', 'is_first']
        ) -%}
    {%- endif -%}
{%- endmacro %}
