{% macro history_difference(after, before, definition, sample_size=10) -%}
{%- set identity = definition.key_names + ['valid_from'] -%}
{%- set version = headwater.quoted_list(identity + definition.tracked_names + definition.untracked_names) -%}
with

history_after as (
    {{ after }}
),

history_before as (
    {{ before }}
),

both_ends as (

    select
        {{ headwater.quoted_list(identity) }},
        history_before.valid_to as _was_to,
        history_after.valid_to as _is_to
    from history_before
    inner join history_after using ({{ headwater.quoted_list(identity) }})

),

changes as (

    select 'added' as _kind, {{ headwater.quoted_list(identity) }}
    from (select {{ version }} from history_after except select {{ version }} from history_before) as added
    union all
    select 'dropped', {{ headwater.quoted_list(identity) }}
    from (select {{ version }} from history_before except select {{ version }} from history_after) as dropped
    union all
    select 'ended', {{ headwater.quoted_list(identity) }}
    from both_ends
    where _is_to is not null and _was_to is distinct from _is_to
    union all
    select 'reopened', {{ headwater.quoted_list(identity) }}
    from both_ends
    where _is_to is null and _was_to is not null

),

placed as (

    select *, row_number() over (partition by _kind order by {{ headwater.quoted_list(identity) }}) as _place
    from changes

),

by_kind as (

    select
        _kind,
        jsonb_build_object(
            'count', count(*),
            'sample', jsonb_agg(
                jsonb_build_object(
                    'key', {{ headwater.key_as_json(definition.key_names) }},
                    'valid_from', valid_from
                )
                order by _place
            ) filter (where _place <= {{ sample_size }})
        ) as _found
    from placed
    group by _kind

)

select cast(coalesce(jsonb_object_agg(_kind, _found), '{}') as text) as difference
from by_kind
{%- endmacro %}
