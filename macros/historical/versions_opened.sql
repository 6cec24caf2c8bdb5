{% macro versions_opened(definition) -%}
{#- the versions that movements begin, each with its end if a later movement ended it -#}
select
    {{ quoted_list(definition.key_names + definition.tracked_names + definition.untracked_names) }},
    delivery_date as valid_from,
    valid_to,
    fate as change_type,
    end_type,
    delivery_sqn,
    ended_by_delivery_sqn,
    process_date
from movement
where fate in ('new', 'changed')
{%- endmacro %}
