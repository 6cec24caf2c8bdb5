{% macro raw_deliveries(source_name) -%}
    (
        select *
        from {{ source('raw', source_name) }}
        where delivery_sqn = any(metadata.pending_deliveries('{{ source_name }}', 'staging'))
    )
{%- endmacro %}
