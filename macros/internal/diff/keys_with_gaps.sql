{% macro keys_with_gaps(definition, deliveries) -%}
{#- keys that went and came back, or returned to a value they had before, or of which a row fell out -#}
select {{ headwater.quoted_list(definition.key_names) }}
from validity_interval
where _row_count <> _last_order - _first_order + 1

union

select {{ headwater.quoted_list(definition.key_names) }}
from (
{{ headwater.unreadable_keys(definition, deliveries) }}
) as unreadable
{%- endmacro %}
