{% macro close_versions(relation, definition) -%}
update {{ relation }} as version
set
    valid_to = version_change.delivery_date,
    end_type = version_change._change_kind,
    ended_by_delivery_sqn = version_change.delivery_sqn
from version_change
where version.valid_to is null
    and version_change._is_first
    and version_change._change_kind in ('changed', 'removed')
    and {{ headwater.key_match(definition.key_names, 'version', 'version_change') }}
{%- endmacro %}
