{% macro restless_keys(definition, deliveries) -%}
{#- keys that went and came back, or returned to a value they had before, or of which a row fell out -#}
select {{ quoted_list(definition.key_names) }}
from run
where row_count <> last_position - first_position + 1

union

select {{ quoted_list(definition.key_names) }}
from (
{{ unreadable_keys(definition, deliveries) }}
) as unreadable
{%- endmacro %}
