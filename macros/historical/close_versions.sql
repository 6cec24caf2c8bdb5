{% macro close_versions(relation, definition) -%}
update {{ relation }} as version
set
    valid_to = movement.delivery_date,
    end_type = movement.fate,
    ended_by_delivery_sqn = movement.delivery_sqn
from movement
where version.valid_to is null
    and movement.is_first
    and movement.fate in ('changed', 'removed')
    and {{ key_match(definition.key_names, 'version', 'movement') }}
{%- endmacro %}
