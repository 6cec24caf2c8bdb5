{% macro fates(relation, definition, model_sql, deliveries, has_snapshot, has_ties, keys_in=none) -%}
{%- set keys = quoted_list(definition.key_names) -%}
{%- set values = definition.tracked_names + definition.untracked_names -%}
{%- set by_policy = not (definition.load_new and definition.load_changed) -%}
{#- what became of every word that the deliveries said; tests/support/history_oracle.py is the meaning of each step -#}
with

heard as (

    {{ words_heard(relation, definition, model_sql, deliveries, has_snapshot, keys_in) }}

),

{% if has_snapshot -%}
-- a snapshot that comes before the next word about a key does not hold it
followed as (

    select
        heard.*,
        next_snapshot,
        lead(position) over (
            partition by {{ quoted_list(definition.key_names, prefix='heard.') }} order by position
        ) as next_position
    from heard
    inner join delivery_to_apply using (position)

),

said as (

    select word, position, {{ quoted_list(definition.key_names + values) }}
    from followed
    where word <> 'unreadable'

    union all

    select 'absent', next_snapshot, {{ keys }}{{ ', null' * (values | length) }}
    from followed
    where word <> 'mark' and next_snapshot < coalesce(next_position, next_snapshot + 1)

),

{% else -%}
said as (

    select * from heard

),

{% endif -%}
dated as (

    select
        said.*,
        delivery_sqn,
        delivery_date,
        process_date,
        is_first_date,
        word in ('mark', 'absent') as is_gone
    from said
    inner join delivery_to_apply using (position)

),

{% if has_ties -%}
-- of what is said on one date only the end is true; of several words in a row that a key is gone, the first one did it
said_anew as (

    select
        *,
        is_gone and lag(is_gone) over (
            partition by {{ keys }}, delivery_date order by position
        ) is true as is_echo
    from dated

),

ranked as (

    select
        *,
        lead(position) over (partition by {{ keys }}, delivery_date order by position) is null as is_last_word
    from said_anew
    where not is_echo

),

{% endif -%}
last_words as (

    select *
    from {{ 'ranked' if has_ties else 'dated' }}
    where {{ 'is_last_word' if has_ties else 'true' }}{{ ' and not is_gone' if not definition.load_removed }}

),

{{ compared_by_policy(definition) if by_policy else compared_with_before(definition) }}

select
    fate,
    1::bigint as row_count,
    position,
    delivery_sqn,
    delivery_date,
    process_date,
    {{ quoted_list(definition.key_names + values) }}
from compared
where fate not in ('current', 'nothing')
{%- if has_ties %}

union all

select
    'overtaken',
    1,
    position,
    delivery_sqn,
    delivery_date,
    process_date,
    {{ quoted_list(definition.key_names + values) }}
from ranked
where word = 'row' and not is_last_word
{%- endif %}
{%- endmacro %}
