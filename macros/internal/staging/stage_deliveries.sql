{% macro stage_deliveries(relation, definition, pending, model_sql, hashing=none) -%}
    {%- set these = headwater.is_any_of(pending) -%}
    {%- set job_inst_id = headwater.this_job_inst(definition.job) -%}

    {%- do headwater.run_statement("delete from " ~ relation ~ " where " ~ these) -%}
    {%- do headwater.run_statement("delete from metadata.quarantined_row where " ~ these) -%}
    {%- do headwater.run_statement("delete from metadata.absent_key where " ~ these) -%}

    {#- a key that comes twice, once in a row that was recognised, is settled by all of its rows -#}
    {%- set recognised = none -%}
    {%- if hashing and pending | length == 1 -%}
        {%- do headwater.run_statement("savepoint before_recognition") -%}
        {%- set recognised = headwater.recognise_rows(definition, pending[0], hashing) -%}
    {%- endif -%}
    {%- if recognised -%}
        {%- do headwater.stage_rows(relation, definition, pending, model_sql, hashing, job_inst_id, recognised) -%}
        {%- if headwater.meets_recognised(relation, definition, pending[0]) -%}
            {%- do headwater.run_statement("rollback to savepoint before_recognition") -%}
            {%- set recognised = none -%}
        {%- else -%}
            {%- do headwater.run_statement(headwater.insert_absent_keys(relation, definition, pending[0])) -%}
        {%- endif -%}
    {%- endif -%}
    {%- if not recognised -%}
        {%- do headwater.stage_rows(relation, definition, pending, model_sql, hashing, job_inst_id) -%}
    {%- endif -%}

    {%- do headwater.raise_ledger_broken(definition.name, 'staging', run_query(
        "select delivery_sqn, 'raw recorded ' || record_count || ' rows',"
        ~ " case when recognised_count > 0 then recognised_count || ' were recognised, ' else '' end"
        ~ " || staged_count || ' were staged and ' || fallen_out_count || ' fell out' from layer_rows where record_count"
        ~ " is distinct from staged_count + fallen_out_count + left_out_count + recognised_count order by delivery_sqn limit 1"
    )) -%}

    {#- what was purged has a row; not before: what is recalled is pending because of it, and the model asks again -#}
    {%- do headwater.run_statement("delete from metadata.delivery_status where layer = 'staging' and " ~ these) -%}
    {%- do headwater.run_statement(
        "insert into metadata.delivery_status (delivery_sqn, layer, status, record_count, fallen_out_count, left_out_count,"
        ~ " recognised_count, recognised_after, status_at, job_inst_id) select delivery_sqn, 'staging', "
        ~ ("'partial'" if recognised else "'loaded'") ~ ", staged_count, fallen_out_count, left_out_count, "
        ~ ("recognised_count, " ~ headwater.sql_literal(recognised.after) if recognised else "null, null")
        ~ ", clock_timestamp(), " ~ job_inst_id ~ " from layer_rows"
    ) -%}
    {%- if hashing -%}
        {%- do headwater.run_statement(
            "insert into metadata.row_hashing (source, staged_with) values (" ~ headwater.sql_literal(definition.name) ~ ", "
            ~ headwater.sql_literal(hashing) ~ ") on conflict (source) do update set staged_with = excluded.staged_with"
            ~ " where row_hashing.staged_with <> excluded.staged_with"
        ) -%}
    {%- endif -%}
    {%- do headwater.analyze_when_grown(relation, "select sum(staged_count) from layer_rows") -%}
{%- endmacro %}
