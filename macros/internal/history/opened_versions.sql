{% macro opened_versions(definition) -%}
{#- the versions that changes begin, each with its end if a later change ended it -#}
select
    {{ headwater.quoted_list(definition.key_names + definition.tracked_names + definition.untracked_names) }},
    delivery_date as valid_from,
    valid_to,
    _change_kind as change_type,
    end_type,
    delivery_sqn,
    ended_by_delivery_sqn,
    process_date
from version_change
where _change_kind in ('new', 'changed')
{%- endmacro %}
