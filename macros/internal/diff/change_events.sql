{% macro change_events(relation, definition, model_sql, deliveries, has_snapshot, keys_in=none) -%}
{%- set keys = headwater.quoted_list(definition.key_names) -%}
{%- set values = definition.tracked_names + definition.untracked_names -%}
{% if relation -%}
-- what was current before
select
    'current' as _event_kind,
    0::bigint as _delivery_order,
    {{ headwater.quoted_list(definition.key_names + values) }}
from {{ relation }}
{{- ' inner join ' ~ keys_in ~ ' using (' ~ keys ~ ')' if keys_in }}
where valid_to is null

union all

{% endif -%}
-- rows and delete marks
select
    {% if definition.delete_column %}case when is_delete_mark then 'delete_mark' else 'row' end{% else %}'row'{% endif %} as _event_kind,
    _delivery_order,
    {{ headwater.quoted_list(definition.key_names + values, prefix='modelled.') }}
from (
{{ model_sql }}
) as modelled
{{- ' inner join ' ~ keys_in ~ ' using (' ~ keys ~ ')' if keys_in }}
inner join delivery_to_apply using (delivery_sqn)
{{ 'where ' ~ headwater.is_any_of(deliveries) if deliveries }}


union all

select
    'absent',
    _delivery_order,
    {{ headwater.quoted_list(definition.key_names, prefix='absent.') }}{{ ', null' * (values | length) }}
from (
{{ headwater.absent_keys(definition) }}
) as absent
{{- ' inner join ' ~ keys_in ~ ' using (' ~ keys ~ ')' if keys_in }}
{%- if has_snapshot %}

union all

select
    'unreadable',
    _delivery_order,
    {{ headwater.quoted_list(definition.key_names, prefix='unreadable.') }}{{ ', null' * (values | length) }}
from (
{{ headwater.unreadable_keys(definition, deliveries) }}
) as unreadable
{{- ' inner join ' ~ keys_in ~ ' using (' ~ keys ~ ')' if keys_in }}
inner join delivery_to_apply using (delivery_sqn)
{%- endif %}
{%- endmacro %}
