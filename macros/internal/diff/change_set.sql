{% macro change_set(relation, definition, model_sql, deliveries, has_snapshot, has_ties, keys_in=none) -%}
{%- set keys = headwater.quoted_list(definition.key_names) -%}
{%- set values = definition.tracked_names + definition.untracked_names -%}
{%- set by_policy = not (definition.load_new and definition.load_changed) -%}
{#- what every change event of the deliveries does to its key; tests/support/history_oracle.py is the meaning of each step -#}
with

change_events as (

    {{ headwater.change_events(relation, definition, model_sql, deliveries, has_snapshot, keys_in) }}

),

{% if has_snapshot and definition.partition_by -%}
{{ headwater.followed_by_parts(definition) }}

{% elif has_snapshot -%}
followed as (

    select
        change_events.*,
        _next_snapshot,
        lead(_delivery_order) over (
            partition by {{ headwater.quoted_list(definition.key_names, prefix='change_events.') }} order by _delivery_order
        ) as _next_order
    from change_events
    inner join delivery_to_apply using (_delivery_order)

),

{% endif -%}
{% if has_snapshot -%}
-- a snapshot that comes before the next event of a key does not hold it
with_absences as (

    select _event_kind, _delivery_order, {{ headwater.quoted_list(definition.key_names + values) }}
    from followed
    where _event_kind <> 'unreadable'

    union all

    select 'absent', _next_snapshot, {{ keys }}{{ ', null' * (values | length) }}
    from followed
    where _event_kind not in ('delete_mark', 'absent') and _next_snapshot < coalesce(_next_order, _next_snapshot + 1)

),

{% else -%}
with_absences as (

    select * from change_events

),

{% endif -%}
dated as (

    select
        with_absences.*,
        delivery_sqn,
        delivery_date,
        process_date,
        _is_first_date,
        _event_kind in ('delete_mark', 'absent') as _is_gone
    from with_absences
    inner join delivery_to_apply using (_delivery_order)

),

{% if has_ties -%}
-- of the events of one date only the last is true; of several in a row that a key is gone, the first one did it
repeats_marked as (

    select
        *,
        _is_gone and lag(_is_gone) over (
            partition by {{ keys }}, delivery_date order by _delivery_order
        ) is true as _is_repeat
    from dated

),

deduplicated as (

    select
        *,
        lead(_delivery_order) over (partition by {{ keys }}, delivery_date order by _delivery_order) is null as _is_latest
    from repeats_marked
    where not _is_repeat

),

{% endif -%}
latest_per_key as (

    select *
    from {{ 'deduplicated' if has_ties else 'dated' }}
    where {{ '_is_latest' if has_ties else 'true' }}{{ ' and not _is_gone' if not definition.load_removed }}

),

{{ headwater.compared_by_policy(definition) if by_policy else headwater.compared_with_before(definition) }}

select
    _change_kind,
    1::bigint as _row_count,
    _delivery_order,
    delivery_sqn,
    delivery_date,
    process_date,
    {{ headwater.quoted_list(definition.key_names + values) }}
from compared
where _change_kind not in ('current', 'nothing')
{%- if has_ties %}

union all

select
    'overtaken',
    1,
    _delivery_order,
    delivery_sqn,
    delivery_date,
    process_date,
    {{ headwater.quoted_list(definition.key_names + values) }}
from deduplicated
where _event_kind = 'row' and not _is_latest
{%- endif %}
{%- if not keys_in == 'key_with_gaps' %}

union all

-- what was recognised is as it was
select
    'unchanged',
    _recognised_count,
    _delivery_order,
    delivery_sqn,
    delivery_date,
    process_date
    {{- ', null' * ((definition.key_names + values) | length) }}
from delivery_to_apply
where _recognised_count > 0
{%- endif %}
{%- endmacro %}
