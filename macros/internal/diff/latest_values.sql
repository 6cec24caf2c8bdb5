{% macro latest_values(definition) -%}
{#- the change set, in which attributes that keep the latest value have that of the last row that a version met while it
    was current; version_number 0 is what was current before -#}
{%- set keys = headwater.quoted_list(definition.key_names) -%}
select
    _change_kind,
    _row_count,
    _delivery_order,
    delivery_sqn,
    delivery_date,
    process_date,
    {{ keys }}
    {%- for name in definition.tracked_names + definition.untracked_names %},
    {% if name in definition.latest_names -%}
    last_value({{ headwater.sql_identifier(name) }}) over (
        partition by {{ keys }}, _version_number order by _delivery_order
        rows between unbounded preceding and unbounded following
    ) as {{ headwater.sql_identifier(name) }}
    {%- else -%}
    {{ headwater.sql_identifier(name) }}
    {%- endif %}
    {%- endfor %},
    _version_number
from (
    select
        *,
        count(*) filter (where _change_kind in ('new', 'changed', 'removed')) over (
            partition by {{ keys }} order by _delivery_order
        ) as _version_number
    from change_set
    where _change_kind in ('new', 'changed', 'removed', 'unchanged')
) as numbered
{%- endmacro %}
