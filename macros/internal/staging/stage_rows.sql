{% macro stage_rows(relation, definition, pending, model_sql, hashing, job_inst_id, recognised=none) -%}
    {#- the rows of deliveries, or of one those that were not recognised, into staging or the quarantine; counted by delivery
        in `layer_rows` -#}
    {%- set is_edited = headwater.is_edited('staging', definition) -%}
    {%- set rows_in_raw = headwater.unrecognised_rows() if recognised else headwater.pending_rows(definition.name) -%}
    {%- set model_sql = model_sql | replace(headwater.pending_rows(definition.name), rows_in_raw) -%}
    {%- set last_wins_in = headwater.deliveries_where_last_wins(definition, pending) -%}
    {#- what is asked more than once is made once -#}
    {%- if is_edited -%}
        {%- do headwater.model_by_delivery(definition.name, model_sql, pending) -%}
        {%- do headwater.require_rows_of_raw(definition, 'modelled_row', rows_in_raw) -%}
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
    {%- do headwater.run_statement(headwater.insert_staged_rows(relation, definition, winning_sql, job_inst_id, hashing)) -%}
    {%- do headwater.create_temporary('layer_rows', headwater.count_layer_rows(relation, pending)) -%}
    {%- if recognised -%}
        {%- do headwater.run_statement("update layer_rows set recognised_count = " ~ recognised.count) -%}
    {%- endif -%}

    {#- only when rows are missing are the deliveries read again: a clean one pays nothing for the quarantine -#}
    {%- set is_clean = run_query("select bool_and(staged_count + recognised_count = record_count) from layer_rows").rows[0][0] -%}
    {%- if not is_clean -%}
        {%- set rejected_sql = headwater.rejected_rows(definition) | replace(headwater.pending_rows(definition.name), rows_in_raw)
            ~ (' union all select * from losing_row' if last_wins_in else '') -%}
        {%- do headwater.run_statement(headwater.insert_quarantined_rows(definition, rejected_sql)) -%}
        {%- do headwater.run_statement(
            "update layer_rows set fallen_out_count = (select count(*) from metadata.quarantined_row"
            ~ " where quarantined_row.delivery_sqn = layer_rows.delivery_sqn)"
        ) -%}
    {%- endif -%}
    {%- if is_edited -%}
        {%- do headwater.run_statement(
            "update layer_rows set left_out_count = greatest(record_count - staged_count - fallen_out_count - recognised_count, 0)"
        ) -%}
    {%- endif -%}
{%- endmacro %}
