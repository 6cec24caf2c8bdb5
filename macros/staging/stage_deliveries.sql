{% macro stage_deliveries(relation, definition, pending, model_sql) -%}
    {%- set these = is_any_of(pending) -%}
    {%- set job_inst_id = this_job_inst(definition.job) -%}
    {%- set judged -%}
        {{ judged_rows(definition, model_sql, deliveries_where_last_wins(definition, pending)) }}
    {%- endset -%}

    {%- do run_statement("delete from " ~ relation ~ " where " ~ these) -%}
    {%- do run_statement("delete from metadata.quarantined_row where " ~ these) -%}
    {%- do run_statement(insert_staged_rows(relation, definition, judged, job_inst_id)) -%}
    {%- do create_temporary('layer_rows', count_layer_rows(relation, pending)) -%}

    {#- only when rows are missing are the deliveries read again: a clean one pays nothing for the quarantine -#}
    {%- set is_clean = run_query("select bool_and(staged_count = record_count) from layer_rows").rows[0][0] -%}
    {%- if not is_clean -%}
        {%- do run_statement(insert_quarantined_rows(definition, judged)) -%}
        {%- do run_statement(
            "update layer_rows set fallen_out_count = (select count(*) from metadata.quarantined_row"
            ~ " where quarantined_row.delivery_sqn = layer_rows.delivery_sqn)"
        ) -%}
    {%- endif -%}

    {%- do raise_ledger_broken(definition.name, 'staging', run_query(
        "select delivery_sqn, 'raw recorded ' || record_count || ' rows',"
        ~ " staged_count || ' were staged and ' || fallen_out_count || ' fell out' from layer_rows"
        ~ " where record_count is distinct from staged_count + fallen_out_count order by delivery_sqn limit 1"
    )) -%}

    {#- what was purged has a row; not before: what is recalled is pending because of it, and the model asks again -#}
    {%- do run_statement("delete from metadata.delivery_status where layer = 'staging' and " ~ these) -%}
    {%- do run_statement(
        "insert into metadata.delivery_status"
        ~ " (delivery_sqn, layer, status, record_count, fallen_out_count, status_at, job_inst_id)"
        ~ " select delivery_sqn, 'staging', 'loaded', staged_count, fallen_out_count, clock_timestamp(), " ~ job_inst_id
        ~ " from layer_rows"
    ) -%}
    {%- do analyze_when_grown(relation, "select sum(staged_count) from layer_rows") -%}
{%- endmacro %}
