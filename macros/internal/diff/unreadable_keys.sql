{% macro unreadable_keys(definition, deliveries=none) -%}
{#- rows that fell out though their key could be read: it is there, and no more is known of it -#}
select
    delivery_sqn,
    {{ headwater.quoted_list(definition.key_names, prefix='readable.') }}
from metadata.quarantined_row
cross join lateral jsonb_to_record(quarantined_row.key) as readable (
    {%- for attribute in definition.attributes if attribute.is_key -%}
    {{ headwater.sql_identifier(attribute.name) }} {{ attribute.data_type }}{{ ', ' if not loop.last }}
    {%- endfor -%}
)
where quarantined_row.key is not null and quarantined_row.rule <> 'duplicate_key'{{ ' and ' ~ headwater.is_any_of(deliveries) if deliveries }}
{%- endmacro %}
