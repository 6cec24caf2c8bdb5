{% macro record_load_audit(definition, model_sql, deliveries, job_inst_id) -%}
    {#- every staged row must be in the change set exactly once: what was counted there is compared with what happened here -#}
    {%- set load_audit -%}
        create temporary table load_audit on commit drop as
        with

        changes as (

            select
                delivery_sqn,
                sum(_row_count) filter (where _change_kind = 'new') as new_count,
                sum(_row_count) filter (where _change_kind = 'changed') as changed_count,
                sum(_row_count) filter (where _change_kind = 'unchanged') as unchanged_count,
                sum(_row_count) filter (where _change_kind = 'ignored') as ignored_count,
                sum(_row_count) filter (where _change_kind = 'overtaken') as overtaken_count,
                sum(_row_count) filter (where _change_kind = 'removed') as removed_count
            from change_set
            group by delivery_sqn

        ),

        marks as (

            {% if definition.delete_column -%}
            select delivery_sqn, count(*) as delete_mark_count
            from (
{{ model_sql }}
            ) as modelled
            where is_delete_mark and {{ headwater.is_any_of(deliveries) }}
            group by delivery_sqn
            {%- else -%}
            select null::bigint as delivery_sqn, 0::bigint as delete_mark_count
            {%- endif %}

        )

        select
            staged.delivery_sqn,
            staged.record_count + coalesce(staged.recognised_count, 0) as record_count,
            coalesce(changes.new_count, 0) as new_count,
            coalesce(changes.changed_count, 0) as changed_count,
            coalesce(changes.unchanged_count, 0) as unchanged_count,
            coalesce(changes.ignored_count, 0) as ignored_count,
            coalesce(changes.overtaken_count, 0) as overtaken_count,
            coalesce(marks.delete_mark_count, 0) as delete_mark_count,
            coalesce(changes.removed_count, 0) as removed_count,
            0::bigint as left_out_count
        from metadata.delivery_status as staged
        left join changes using (delivery_sqn)
        left join marks using (delivery_sqn)
        where staged.layer = 'staging' and staged.{{ headwater.is_any_of(deliveries) }}
    {%- endset -%}
    {%- do headwater.run_statement(load_audit) -%}
    {%- set sum = "new_count + changed_count + unchanged_count + ignored_count + overtaken_count + delete_mark_count + left_out_count" -%}
    {%- if headwater.is_edited('historical', definition) -%}
        {%- do headwater.run_statement("update load_audit set left_out_count = greatest(record_count - (" ~ sum ~ "), 0)") -%}
    {%- endif -%}
    {%- do headwater.raise_ledger_broken(definition.name, 'historical', run_query(
        "select delivery_sqn, 'staging recorded ' || record_count || ' rows', met || ' are in the change set of history'"
        ~ " from (select *, " ~ sum ~ " as met from load_audit) as summed where record_count <> met order by delivery_sqn limit 1"
    )) -%}
    {%- do headwater.run_statement(
        "insert into metadata.delivery_status (delivery_sqn, layer, status, record_count, new_count, changed_count,"
        ~ " unchanged_count, ignored_count, overtaken_count, delete_mark_count, removed_count, left_out_count, status_at, job_inst_id)"
        ~ " select delivery_sqn, 'historical', 'loaded', record_count, new_count, changed_count, unchanged_count,"
        ~ " ignored_count, overtaken_count, delete_mark_count, removed_count, left_out_count, clock_timestamp(), " ~ job_inst_id
        ~ " from load_audit"
    ) -%}
{%- endmacro %}
