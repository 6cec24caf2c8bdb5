{% macro stage_deliveries(relation, definition, pending, model_sql) -%}
    {%- set these = headwater.is_any_of(pending) -%}
    {%- set job_inst_id = headwater.this_job_inst(definition.job) -%}
    {%- set validated -%}
        {{ headwater.validated_rows(definition, model_sql, headwater.deliveries_where_last_wins(definition, pending)) }}
    {%- endset -%}

    {%- do headwater.run_statement("delete from " ~ relation ~ " where " ~ these) -%}
    {%- do headwater.run_statement("delete from metadata.quarantined_row where " ~ these) -%}
    {%- do headwater.run_statement(headwater.insert_staged_rows(relation, definition, validated, job_inst_id)) -%}
    {%- do headwater.create_temporary('layer_rows', headwater.count_layer_rows(relation, pending)) -%}

    {#- only when rows are missing are the deliveries read again: a clean one pays nothing for the quarantine -#}
    {%- set is_clean = run_query("select bool_and(staged_count = record_count) from layer_rows").rows[0][0] -%}
    {%- if not is_clean -%}
        {%- do headwater.run_statement(headwater.insert_quarantined_rows(definition, validated)) -%}
        {%- do headwater.run_statement(
            "update layer_rows set fallen_out_count = (select count(*) from metadata.quarantined_row"
            ~ " where quarantined_row.delivery_sqn = layer_rows.delivery_sqn)"
        ) -%}
    {%- endif -%}

    {%- do headwater.raise_ledger_broken(definition.name, 'staging', run_query(
        "select delivery_sqn, 'raw recorded ' || record_count || ' rows',"
        ~ " staged_count || ' were staged and ' || fallen_out_count || ' fell out' from layer_rows"
        ~ " where record_count is distinct from staged_count + fallen_out_count order by delivery_sqn limit 1"
    )) -%}

    {#- what was purged has a row; not before: what is recalled is pending because of it, and the model asks again -#}
    {%- do headwater.run_statement("delete from metadata.delivery_status where layer = 'staging' and " ~ these) -%}
    {%- do headwater.run_statement(
        "insert into metadata.delivery_status"
        ~ " (delivery_sqn, layer, status, record_count, fallen_out_count, status_at, job_inst_id)"
        ~ " select delivery_sqn, 'staging', 'loaded', staged_count, fallen_out_count, clock_timestamp(), " ~ job_inst_id
        ~ " from layer_rows"
    ) -%}
    {%- do headwater.analyze_when_grown(relation, "select sum(staged_count) from layer_rows") -%}
{%- endmacro %}
