{% macro unreadable_keys(definition, deliveries=none) -%}
{#- rows that fell out though their key could be read: it is there, and that is all they say -#}
select
    delivery_sqn,
    {{ quoted_list(definition.key_names, prefix='readable.') }}
from metadata.quarantined_row
cross join lateral jsonb_to_record(quarantined_row.key) as readable (
    {%- for attribute in definition.attributes if attribute.is_key -%}
    {{ sql_identifier(attribute.name) }} {{ attribute.data_type }}{{ ', ' if not loop.last }}
    {%- endfor -%}
)
where quarantined_row.key is not null and quarantined_row.rule <> 'duplicate_key'{{ ' and ' ~ is_any_of(deliveries) if deliveries }}
{%- endmacro %}
