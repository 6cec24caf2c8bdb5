{% macro followed_by_parts(definition) -%}
{#- the CTEs of `change_set` that end in followed, for a source with parts: the next snapshot after an event is the next
    one of everything, or of the part that the row is of then -#}
{%- set keys = headwater.quoted_list(definition.key_names) -%}
{%- set values = definition.tracked_names + definition.untracked_names -%}
{%- set parts = headwater.quoted_list(definition.partition_by) -%}
{%- set of_key = "over (partition by " ~ keys ~ " order by _delivery_order)" -%}
numbered as (

    select
        *,
        lead(_delivery_order) {{ of_key }} as _next_order,
        count(*) filter (where _event_kind <> 'unreadable') {{ of_key }} as _row_number
    from change_events

),

-- a row that fell out is, for all we know, of the part of the row before it
in_parts as (

    select
        _event_kind,
        _delivery_order,
        _next_order,
        {{ keys }}
        {%- for name in values %},
        {% if name in definition.partition_by -%}
        first_value({{ headwater.sql_identifier(name) }}) over (
            partition by {{ keys }}, _row_number order by _delivery_order, _event_kind = 'unreadable'
        ) as {{ headwater.sql_identifier(name) }}
        {%- else -%}
        {{ headwater.sql_identifier(name) }}
        {%- endif %}
        {%- endfor %}
    from numbered

),

with_spoken_parts as (

    select *, false as _is_spoken from in_parts

    union all

    select
        null,
        _delivery_order,
        null
        {%- for name in definition.key_names + values %},
        {{ headwater.sql_identifier(name) if name in definition.partition_by else 'null' }}
        {%- endfor %},
        true
    from spoken_part

),

with_next_parts as (

    select
        *,
        min(_delivery_order) filter (where _is_spoken) over (
            partition by {{ parts }} order by _delivery_order desc groups between unbounded preceding and 1 preceding
        ) as _next_of_part
    from with_spoken_parts

),

followed as (

    select
        with_next_parts.*,
        least(delivery_to_apply._next_snapshot, _next_of_part) as _next_snapshot
    from with_next_parts
    inner join delivery_to_apply using (_delivery_order)
    where not _is_spoken

),
{%- endmacro %}
