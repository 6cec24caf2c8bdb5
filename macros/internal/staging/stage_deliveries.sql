{% macro stage_deliveries(relation, definition, pending, model_sql) -%}
    {%- set these = headwater.is_any_of(pending) -%}
    {%- set job_inst_id = headwater.this_job_inst(definition.job) -%}
    {%- set is_edited = headwater.is_edited('staging', definition) -%}

    {%- do headwater.run_statement("delete from " ~ relation ~ " where " ~ these) -%}
    {%- do headwater.run_statement("delete from metadata.quarantined_row where " ~ these) -%}
    {%- set last_wins_in = headwater.deliveries_where_last_wins(definition, pending) -%}
    {#- what is asked more than once is made once -#}
    {%- if is_edited -%}
        {%- do headwater.model_by_delivery(definition.name, model_sql, pending) -%}
        {%- do headwater.require_rows_of_raw(definition, 'modelled_row') -%}
    {%- elif last_wins_in -%}
        {%- do headwater.create_temporary('modelled_row', model_sql, planned_by=false) -%}
    {%- endif -%}
    {%- set rows_sql = 'select * from modelled_row' if is_edited or last_wins_in else model_sql -%}
    {%- set winning_sql = rows_sql -%}
    {%- if last_wins_in -%}
        {%- do headwater.create_temporary('losing_row', headwater.losing_rows(definition, rows_sql, last_wins_in), planned_by=false) -%}
        {%- set winning_sql = "select modelled.* from (" ~ rows_sql ~ ") as modelled"
            ~ " where not exists (select from losing_row where losing_row._raw_row = modelled._raw_row)" -%}
    {%- endif -%}
    {%- do headwater.run_statement(headwater.insert_staged_rows(relation, definition, winning_sql, job_inst_id)) -%}
    {%- do headwater.create_temporary('layer_rows', headwater.count_layer_rows(relation, pending)) -%}

    {#- only when rows are missing are the deliveries read again: a clean one pays nothing for the quarantine -#}
    {%- set is_clean = run_query("select bool_and(staged_count = record_count) from layer_rows").rows[0][0] -%}
    {%- if not is_clean -%}
        {%- set rejected_sql = headwater.rejected_rows(definition) ~ (' union all select * from losing_row' if last_wins_in else '') -%}
        {%- do headwater.run_statement(headwater.insert_quarantined_rows(definition, rejected_sql)) -%}
        {%- do headwater.run_statement(
            "update layer_rows set fallen_out_count = (select count(*) from metadata.quarantined_row"
            ~ " where quarantined_row.delivery_sqn = layer_rows.delivery_sqn)"
        ) -%}
    {%- endif -%}
    {%- if is_edited -%}
        {%- do headwater.run_statement(
            "update layer_rows set left_out_count = greatest(record_count - staged_count - fallen_out_count, 0)"
        ) -%}
    {%- endif -%}

    {%- do headwater.raise_ledger_broken(definition.name, 'staging', run_query(
        "select delivery_sqn, 'raw recorded ' || record_count || ' rows',"
        ~ " staged_count || ' were staged and ' || fallen_out_count || ' fell out' from layer_rows"
        ~ " where record_count is distinct from staged_count + fallen_out_count + left_out_count order by delivery_sqn limit 1"
    )) -%}

    {#- what was purged has a row; not before: what is recalled is pending because of it, and the model asks again -#}
    {%- do headwater.run_statement("delete from metadata.delivery_status where layer = 'staging' and " ~ these) -%}
    {%- do headwater.run_statement(
        "insert into metadata.delivery_status"
        ~ " (delivery_sqn, layer, status, record_count, fallen_out_count, left_out_count, status_at, job_inst_id)"
        ~ " select delivery_sqn, 'staging', 'loaded', staged_count, fallen_out_count, left_out_count, clock_timestamp(), " ~ job_inst_id
        ~ " from layer_rows"
    ) -%}
    {%- do headwater.analyze_when_grown(relation, "select sum(staged_count) from layer_rows") -%}
{%- endmacro %}
