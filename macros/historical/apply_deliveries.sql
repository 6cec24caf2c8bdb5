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
    {%- set to_apply = run_query(
        "select delivery_sqn, delivery_type, count(*) over (partition by delivery_date) > 1"
        ~ " from delivery_to_apply where position > 0 order by position"
    ).rows -%}
    {%- if not to_apply -%}
        {{ return(0) }}
    {%- endif -%}
    {%- do require_staged(definition.name) -%}
    {%- set deliveries = [] -%}
    {%- set kind = namespace(has_snapshot=false, has_ties=false) -%}
    {%- for row in to_apply -%}
        {%- do deliveries.append(row[0] | int) -%}
        {%- set kind.has_snapshot = kind.has_snapshot or row[1] == 'snapshot' -%}
        {%- set kind.has_ties = kind.has_ties or row[2] -%}
    {%- endfor -%}

    {%- if not kind.has_snapshot -%}
        {%- do create_temporary('heard_key', heard_keys(definition, model_sql, deliveries)) -%}
    {%- endif -%}
    {%- do create_temporary('fate', fates(relation, definition, model_sql, deliveries, kind.has_snapshot, kind.has_ties)) -%}
    {%- do create_temporary('movement', movements(definition)) -%}
    {%- do run_query(close_versions(relation, definition)) -%}
    {%- do run_query(open_versions(relation, definition, job_inst_id)) -%}
    {%- do analyze_when_grown(relation) -%}
    {%- do record_fates(definition, model_sql, deliveries, job_inst_id) -%}
    {%- do require_no_overlaps(relation, definition) -%}
    {{ return(deliveries | length) }}
{%- endmacro %}
