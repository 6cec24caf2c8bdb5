{% macro count_layer_rows(relation, deliveries) -%}
select
    raw.delivery_sqn,
    raw.record_count,
    coalesce(staged.rows, 0) as staged_count,
    0::bigint as fallen_out_count,
    0::bigint as left_out_count,
    0::bigint as recognised_count
from metadata.delivery_status as raw
left join (
    select delivery_sqn, count(*) as rows
    from {{ relation }}
    where {{ headwater.is_any_of(deliveries) }}
    group by delivery_sqn
) as staged using (delivery_sqn)
where raw.layer = 'raw' and raw.{{ headwater.is_any_of(deliveries) }}
{%- endmacro %}
