{% macro compare_first_snapshot(definition, model_sql, delivery_sqn) -%}
    {#- before the first snapshot there is nothing to compare with: each of its rows begins a version, and is read where it is
        staged. A view, since a copy of all rows would cost as much as history itself -#}
    {%- set values = definition.tracked_names + definition.untracked_names -%}
    {%- set new_rows -%}
        select
            'new' as _change_kind,
            1::bigint as _row_count,
            _delivery_order,
            delivery_to_apply.delivery_sqn,
            delivery_date,
            process_date,
            {{ headwater.quoted_list(definition.key_names + values, prefix='modelled.') }}
        from (
{{ model_sql }}
        ) as modelled
        cross join (select * from delivery_to_apply where _delivery_order = 1) as delivery_to_apply
        where modelled.delivery_sqn = {{ delivery_sqn }}
            {{- ' and not is_delete_mark' if definition.delete_column }}
    {%- endset -%}
    {%- do headwater.create_temporary('change_set', new_rows ~ "\nlimit 0", planned_by=[]) -%}
    {%- do headwater.run_statement(
        "create temporary view version_change as select *, true as _is_first, null as end_type, null::timestamptz as valid_to,"
        ~ " null::bigint as ended_by_delivery_sqn from (\n" ~ new_rows ~ "\n) as new_row"
    ) -%}
    {%- do headwater.run_statement(
        "insert into change_set (_change_kind, _row_count, _delivery_order, delivery_sqn)"
        ~ " select 'new', count(*), 1, " ~ delivery_sqn ~ " from version_change"
    ) -%}
{%- endmacro %}
