{% macro apply_deliveries(relation, definition, model_sql) -%}
    {#- one rule for new, late, withdrawn and superseded deliveries: history is made anew from the first date
        on which what counts differs from what is loaded -#}
    {%- set since = first_difference(definition.name) -%}
    {%- if since is none -%}
        {{ return(0) }}
    {%- endif -%}
    {%- set job_inst_id = this_job_inst(definition.job) -%}

    {%- do rewind_history(relation, definition.name, since) -%}
    {%- do create_temporary('delivery_to_apply', deliveries_to_apply(definition.name, since)) -%}
    {%- set to_apply = [] -%}
    {%- for row in run_query(
        "select delivery_sqn, position, delivery_type, count(*) over (partition by delivery_date) > 1"
        ~ " from delivery_to_apply where position > 0 order by position"
    ).rows -%}
        {%- do to_apply.append({
            'delivery_sqn': row[0] | int,
            'position': row[1] | int,
            'is_snapshot': row[2] == 'snapshot',
            'is_tied': row[3],
        }) -%}
    {%- endfor -%}
    {%- if not to_apply -%}
        {{ return(0) }}
    {%- endif -%}
    {%- do require_staged(definition.name) -%}
    {%- set deliveries = to_apply | map(attribute='delivery_sqn') | list -%}

    {#- told by the status of what is loaded, not by the table: even its first row is found by a scan -#}
    {%- set was_empty = run_query(
        "select not exists (select from metadata.delivery_status join metadata.delivery using (delivery_sqn)"
        ~ " where source = " ~ sql_literal(definition.name) ~ " and layer = 'historical')"
    ).rows[0][0] -%}
    {%- do compare_deliveries(relation, definition, model_sql, to_apply) -%}
    {%- do run_statement(close_versions(relation, definition)) -%}
    {%- do run_statement(open_versions(relation, definition, job_inst_id)) -%}
    {%- do analyze_when_grown(relation, "select count(*) from movement") -%}
    {%- do record_fates(definition, model_sql, deliveries, job_inst_id) -%}
    {%- do require_no_overlaps(relation, definition, was_empty) -%}
    {{ return(deliveries | length) }}
{%- endmacro %}
