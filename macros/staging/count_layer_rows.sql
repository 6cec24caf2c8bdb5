{% macro count_layer_rows(relation, deliveries) -%}
select *
from (
    select
        raw.delivery_sqn,
        raw.record_count,
        coalesce(staged.rows, 0) as staged_count,
        coalesce(fallen_out.rows, 0) as fallen_out_count
    from metadata.delivery_status as raw
    left join (
        select delivery_sqn, count(*) as rows
        from {{ relation }}
        where {{ is_any_of(deliveries) }}
        group by delivery_sqn
    ) as staged using (delivery_sqn)
    left join (
        select delivery_sqn, count(*) as rows
        from metadata.quarantined_row
        where {{ is_any_of(deliveries) }}
        group by delivery_sqn
    ) as fallen_out using (delivery_sqn)
    where raw.layer = 'raw' and raw.{{ is_any_of(deliveries) }}
) as layer_rows
{%- endmacro %}
