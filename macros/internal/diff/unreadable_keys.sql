{% macro unreadable_keys(definition, deliveries=none) -%}
{#- rows that fell out though their key could be read: it is there, and no more is known of it -#}
select
    delivery_sqn,
    {{ headwater.quoted_list(definition.key_names, prefix='readable.') }}
from metadata.quarantined_row
cross join lateral {{ headwater.key_record('quarantined_row.key', definition, 'readable') }}
where quarantined_row.key is not null and quarantined_row.rule <> 'duplicate_key'{{ ' and ' ~ headwater.is_any_of(deliveries) if deliveries }}
{%- endmacro %}
