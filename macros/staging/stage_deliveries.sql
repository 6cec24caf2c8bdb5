{% macro stage_deliveries(relation, definition, pending, model_sql) -%}
    {%- set these = is_any_of(pending) -%}
    {%- set job_inst_id = this_job_inst(definition.job) -%}
    {%- set judged -%}
        {{ judged_rows(definition, model_sql, deliveries_where_last_wins(definition, pending)) }}
    {%- endset -%}

    {%- do run_query("delete from " ~ relation ~ " where " ~ these) -%}
    {%- do run_query("delete from metadata.quarantined_row where " ~ these) -%}
    {%- do run_query(insert_staged_rows(relation, definition, judged, job_inst_id)) -%}

    {#- only when rows are missing are the deliveries read again: a clean one pays nothing for the quarantine -#}
    {%- set missing = run_query(count_layer_rows(relation, pending) ~ " where staged_count is distinct from record_count limit 1") -%}
    {%- if missing.rows -%}
        {%- do run_query(insert_quarantined_rows(definition, judged)) -%}
    {%- endif -%}

    {%- do raise_ledger_broken(definition.name, 'staging', run_query(
        "select delivery_sqn, 'raw recorded ' || record_count || ' rows',"
        ~ " staged_count || ' were staged and ' || fallen_out_count || ' fell out' from ("
        ~ count_layer_rows(relation, pending) ~ ") as counted"
        ~ " where record_count is distinct from staged_count + fallen_out_count order by delivery_sqn limit 1"
    )) -%}

    {#- not before: what is recalled is pending because this row says so, and the model asks again what is pending -#}
    {%- do run_query("delete from metadata.delivery_status where layer = 'staging' and " ~ these) -%}
    {%- do run_query(
        "insert into metadata.delivery_status"
        ~ " (delivery_sqn, layer, status, record_count, fallen_out_count, status_at, job_inst_id)"
        ~ " select delivery_sqn, 'staging', 'loaded', staged_count, fallen_out_count, clock_timestamp(), " ~ job_inst_id
        ~ " from (" ~ count_layer_rows(relation, pending) ~ ") as counted"
    ) -%}
    {%- do run_query("analyze " ~ relation) -%}
{%- endmacro %}
