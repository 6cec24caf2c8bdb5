{% macro record_fates(definition, model_sql, deliveries, job_inst_id) -%}
    {#- every staged row must have met exactly one fate: what was counted there is compared with what happened here -#}
    {%- set tally -%}
        create temporary table tally on commit drop as
        with

        fates as (

            select
                delivery_sqn,
                sum(row_count) filter (where fate = 'new') as new_count,
                sum(row_count) filter (where fate = 'changed') as changed_count,
                sum(row_count) filter (where fate = 'unchanged') as unchanged_count,
                sum(row_count) filter (where fate = 'ignored') as ignored_count,
                sum(row_count) filter (where fate = 'overtaken') as overtaken_count,
                sum(row_count) filter (where fate = 'removed') as removed_count
            from fate
            group by delivery_sqn

        ),

        marks as (

            {% if definition.delete_column -%}
            select delivery_sqn, count(*) as delete_mark_count
            from (
{{ model_sql }}
            ) as modelled
            where is_delete_mark and {{ is_any_of(deliveries) }}
            group by delivery_sqn
            {%- else -%}
            select null::bigint as delivery_sqn, 0::bigint as delete_mark_count
            {%- endif %}

        )

        select
            staged.delivery_sqn,
            staged.record_count,
            coalesce(fates.new_count, 0) as new_count,
            coalesce(fates.changed_count, 0) as changed_count,
            coalesce(fates.unchanged_count, 0) as unchanged_count,
            coalesce(fates.ignored_count, 0) as ignored_count,
            coalesce(fates.overtaken_count, 0) as overtaken_count,
            coalesce(marks.delete_mark_count, 0) as delete_mark_count,
            coalesce(fates.removed_count, 0) as removed_count
        from metadata.delivery_status as staged
        left join fates using (delivery_sqn)
        left join marks using (delivery_sqn)
        where staged.layer = 'staging' and staged.{{ is_any_of(deliveries) }}
    {%- endset -%}
    {%- do run_statement(tally) -%}
    {%- set sum = "new_count + changed_count + unchanged_count + ignored_count + overtaken_count + delete_mark_count" -%}
    {%- do raise_ledger_broken(definition.name, 'historical', run_query(
        "select delivery_sqn, 'staging recorded ' || record_count || ' rows', met || ' met a fate in history'"
        ~ " from (select *, " ~ sum ~ " as met from tally) as summed where record_count <> met order by delivery_sqn limit 1"
    )) -%}
    {%- do run_statement(
        "insert into metadata.delivery_status (delivery_sqn, layer, status, record_count, new_count, changed_count,"
        ~ " unchanged_count, ignored_count, overtaken_count, delete_mark_count, removed_count, status_at, job_inst_id)"
        ~ " select delivery_sqn, 'historical', 'loaded', record_count, new_count, changed_count, unchanged_count,"
        ~ " ignored_count, overtaken_count, delete_mark_count, removed_count, clock_timestamp(), " ~ job_inst_id
        ~ " from tally"
    ) -%}
{%- endmacro %}
