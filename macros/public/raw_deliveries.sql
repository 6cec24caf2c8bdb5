{% macro raw_deliveries(source_name) -%}
    {#- asked in a subquery of its own, the function is called once and not for every row -#}
    (
        select *
        from {{ source('raw', source_name) }}
        where delivery_sqn = any((select metadata.pending_deliveries({{ headwater.sql_literal(source_name) }}, 'staging'))::bigint[])
    )
{%- endmacro %}
