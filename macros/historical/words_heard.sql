{% macro words_heard(relation, definition, model_sql, deliveries, has_snapshot) -%}
{%- set keys = quoted_list(definition.key_names) -%}
{%- set values = definition.tracked_names + definition.untracked_names -%}
{% if relation -%}
-- what was current before
select
    'current' as word,
    0::bigint as position,
    {{ quoted_list(definition.key_names + values) }}
from {{ relation }}
{%- if not has_snapshot %}
inner join heard_key using ({{ keys }})
{%- endif %}
where valid_to is null

union all

{% endif -%}
-- rows and delete marks
select
    {% if definition.delete_column %}case when is_delete_mark then 'mark' else 'row' end{% else %}'row'{% endif %} as word,
    position,
    {{ quoted_list(definition.key_names + values) }}
from (
{{ model_sql }}
) as modelled
inner join delivery_to_apply using (delivery_sqn)
{{ 'where ' ~ is_any_of(deliveries) if deliveries }}
{%- if has_snapshot %}

union all

-- rows that fell out though their key could be read: it is there, and that is all they say
select
    'unreadable',
    position,
    {{ quoted_list(definition.key_names, prefix='readable.') }}{{ ', null' * (values | length) }}
from metadata.quarantined_row
inner join delivery_to_apply using (delivery_sqn)
cross join lateral jsonb_to_record(key) as readable (
    {%- for attribute in definition.attributes if attribute.is_key -%}
    {{ adapter.quote(attribute.name) }} {{ attribute.data_type }}{{ ', ' if not loop.last }}
    {%- endfor -%}
)
where key is not null and rule <> 'duplicate_key'{{ ' and ' ~ is_any_of(deliveries) if deliveries }}
{%- endif %}
{%- endmacro %}
