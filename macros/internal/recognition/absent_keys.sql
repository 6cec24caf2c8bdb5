{% macro absent_keys(definition) -%}
{#- keys that were current when a partly staged snapshot came, and that it does not have. A key is not
    absent if a row of it fell out and its key could be read -#}
select distinct
    _delivery_order,
    {{ headwater.quoted_list(definition.key_names, prefix='absent.') }}
from metadata.absent_key
inner join delivery_to_apply using (delivery_sqn)
cross join lateral {{ headwater.key_record('absent_key.key', definition, 'absent') }}
where _recognised_count > 0
    and not exists (
        select from metadata.quarantined_row as fell
        where fell.delivery_sqn = absent_key.delivery_sqn and fell.key = absent_key.key and fell.rule <> 'duplicate_key'
    )
{%- endmacro %}
