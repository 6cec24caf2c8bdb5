{% macro words_heard(relation, definition, model_sql, deliveries, has_snapshot, keys_in=none) -%}
{%- set keys = quoted_list(definition.key_names) -%}
{%- set values = definition.tracked_names + definition.untracked_names -%}
{% if relation -%}
-- what was current before
select
    'current' as word,
    0::bigint as position,
    {{ quoted_list(definition.key_names + values) }}
from {{ relation }}
{{- ' inner join ' ~ keys_in ~ ' using (' ~ keys ~ ')' if keys_in }}
where valid_to is null

union all

{% endif -%}
-- rows and delete marks
select
    {% if definition.delete_column %}case when is_delete_mark then 'mark' else 'row' end{% else %}'row'{% endif %} as word,
    position,
    {{ quoted_list(definition.key_names + values, prefix='modelled.') }}
from (
{{ model_sql }}
) as modelled
{{- ' inner join ' ~ keys_in ~ ' using (' ~ keys ~ ')' if keys_in }}
inner join delivery_to_apply using (delivery_sqn)
{{ 'where ' ~ is_any_of(deliveries) if deliveries }}
{%- if has_snapshot %}

union all

select
    'unreadable',
    position,
    {{ quoted_list(definition.key_names, prefix='unreadable.') }}{{ ', null' * (values | length) }}
from (
{{ unreadable_keys(definition, deliveries) }}
) as unreadable
{{- ' inner join ' ~ keys_in ~ ' using (' ~ keys ~ ')' if keys_in }}
inner join delivery_to_apply using (delivery_sqn)
{%- endif %}
{%- endmacro %}
