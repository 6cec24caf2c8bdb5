{% macro has_unreadable_keys(deliveries) -%}
select exists (
    select from metadata.quarantined_row
    where key is not null and rule <> 'duplicate_key' and {{ headwater.is_any_of(deliveries) }}
)
{%- endmacro %}
