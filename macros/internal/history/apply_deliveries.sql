{% macro apply_deliveries(relation, definition, model_sql) -%}
    {#- one rule for new, late, withdrawn and superseded deliveries: history is made again from the first date
        on which what counts differs from what is loaded -#}
    {%- set since = headwater.first_difference(definition) -%}
    {%- if since is none -%}
        {{ return(0) }}
    {%- endif -%}
    {%- set job_inst_id = headwater.this_job_inst(definition.job) -%}

    {%- do headwater.rewind_history(relation, definition.name, since) -%}
    {%- do headwater.create_temporary('delivery_to_apply', headwater.deliveries_to_apply(definition.name, since)) -%}
    {%- set to_apply = [] -%}
    {%- for row in run_query(
        "select delivery_sqn, _delivery_order, delivery_type, count(*) over (partition by delivery_date) > 1"
        ~ " from delivery_to_apply where _delivery_order > 0 order by _delivery_order"
    ).rows -%}
        {%- do to_apply.append({
            'delivery_sqn': row[0] | int,
            'delivery_order': row[1] | int,
            'is_snapshot': row[2] == 'snapshot',
            'is_of_parts': row[2] == 'partition_snapshot',
            'is_tied': row[3],
        }) -%}
    {%- endfor -%}
    {%- if not to_apply -%}
        {{ return(0) }}
    {%- endif -%}
    {%- do headwater.require_parts(definition) -%}
    {%- do headwater.require_staged(definition.name) -%}
    {%- set deliveries = to_apply | map(attribute='delivery_sqn') | list -%}
    {%- if headwater.is_edited('historical', definition) -%}
        {%- do headwater.require_rows_of_staging(definition, model_sql, deliveries) -%}
    {%- endif -%}

    {#- read from the status of what is loaded, not from the table: even its first row is found by a scan -#}
    {%- set was_empty = run_query(
        "select not exists (select from metadata.delivery_status join metadata.delivery using (delivery_sqn)"
        ~ " where source = " ~ headwater.sql_literal(definition.name) ~ " and layer = 'historical')"
    ).rows[0][0] -%}
    {%- set hashed = headwater.with_row_hash(definition) -%}
    {%- set is_view = headwater.compare_deliveries(relation, hashed, headwater.rows_with_hash(definition, model_sql), to_apply, was_empty) -%}
    {%- if definition.latest_names -%}
        {%- do headwater.run_statement(headwater.keep_latest_values(relation, definition)) -%}
    {%- endif -%}
    {%- if not was_empty -%}
        {%- do headwater.run_statement(headwater.close_versions(relation, definition)) -%}
    {%- endif -%}
    {%- do headwater.run_statement(headwater.open_versions(relation, hashed, job_inst_id)) -%}
    {%- do headwater.analyze_when_grown(relation, "select sum(_row_count) from change_set where _change_kind in ('new', 'changed', 'removed')") -%}
    {%- do headwater.record_load_audit(definition, model_sql, deliveries, job_inst_id) -%}
    {%- do headwater.require_no_overlaps(relation, definition, was_empty) -%}
    {%- do headwater.keep_hashing(
        relation, definition, deliveries[0] if to_apply | length == 1 and to_apply[0].is_snapshot, was_empty
    ) -%}
    {#- a table goes with the transaction; a view stays in the session, which may load another source -#}
    {%- if is_view -%}
        {%- do headwater.run_statement("drop view pg_temp.version_change") -%}
    {%- endif -%}
    {{ return(deliveries | length) }}
{%- endmacro %}
