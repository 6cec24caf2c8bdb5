{% macro history_recomputed(definition, model_sql, relation, since, sample_size) -%}
{#- history from `since` on, made again from what it holds before and from staging, beside history as it is: a row for
    each version and each count that differs. It makes no temporary table, so a transaction that only reads can run it -#}
{%- set keys = headwater.quoted_list(definition.key_names) -%}
{%- set values = definition.key_names + definition.tracked_names + definition.untracked_names -%}
{%- set held = "(select delivery.*, exists (select from metadata.delivery_status as held where held.layer = 'historical'"
    ~ " and held.delivery_sqn = delivery.delivery_sqn) as counts from metadata.delivery)" -%}
{%- set begins = headwater.sql_literal(since) ~ "::timestamptz" -%}
{%- set change_kinds = ['new', 'changed', 'unchanged', 'ignored', 'overtaken', 'removed'] -%}
with

delivery_to_apply as (

    {{ headwater.deliveries_to_apply(definition.name, since, held) | indent(4) }}

),

-- what was current when `since` came
version_before as (

    select *
    from {{ relation }}
    where valid_from < {{ begins }} and (valid_to is null or valid_to >= {{ begins }})

),

{% if definition.partition_by -%}
spoken_part as (

    {{ headwater.spoken_parts(definition, headwater.winning_rows(definition, model_sql)) }}

),

{% endif -%}
change_set as (

    {{ headwater.change_set(
        '(select ' ~ headwater.quoted_list(values) ~ ', null as valid_to from version_before) as current_before',
        definition, headwater.winning_rows(definition, model_sql), none, has_snapshot=true, has_ties=true
    ) }}

),

version_change as (

    {{ headwater.version_changes(definition) | indent(4) }}

),

expected as (

    {{ headwater.opened_versions(definition) | indent(4) }}

    union all

    select
        {{ headwater.quoted_list(values, prefix='version_before.') }},
        version_before.valid_from,
        ending.delivery_date,
        version_before.change_type,
        ending._change_kind,
        version_before.delivery_sqn,
        ending.delivery_sqn,
        version_before.process_date
    from version_before
    left join version_change as ending
        on ending._is_first
        and ending._change_kind in ('changed', 'removed')
        and {{ headwater.key_match(definition.key_names, 'version_before', 'ending') }}

),

there as (

    select
        {{ headwater.quoted_list(values) }},
        valid_from,
        valid_to,
        change_type,
        end_type,
        delivery_sqn,
        ended_by_delivery_sqn,
        process_date
    from {{ relation }}
    where valid_from >= {{ begins }} or valid_to is null or valid_to >= {{ begins }}

),

_lacking as (
    select * from expected except all select * from there
),

_surplus as (
    select * from there except all select * from expected
),

different_version as (

    select
        {{ keys }},
        valid_from,
        to_json(_lacking) as _expected,
        to_json(_surplus) as _found
    from _lacking
    full join _surplus using ({{ keys }}, valid_from)

),

count_of_delivery as (

    select
        delivery_sqn
        {%- for kind in change_kinds %},
        coalesce(sum(_row_count) filter (where _change_kind = {{ headwater.sql_literal(kind) }}), 0) as {{ kind }}_count
        {%- endfor %}
    from change_set
    group by delivery_sqn

),

different_count as (

    select
        delivery_to_apply.delivery_sqn,
        kind.name,
        kind.expected,
        kind.found
    from delivery_to_apply
    inner join metadata.delivery_status as recorded
        on recorded.delivery_sqn = delivery_to_apply.delivery_sqn and recorded.layer = 'historical'
    left join count_of_delivery on count_of_delivery.delivery_sqn = delivery_to_apply.delivery_sqn
    cross join lateral (
        values
        {%- for kind in change_kinds %}
        ({{ headwater.sql_literal(kind ~ '_count') }}, coalesce(count_of_delivery.{{ kind }}_count, 0), recorded.{{ kind }}_count){{ ',' if not loop.last }}
        {%- endfor %}
    ) as kind (name, expected, found)
    where kind.expected is distinct from kind.found

),

difference as (

    select
        case
            when _found is null then 'version_missing'
            when _expected is null then 'version_unexpected'
            else 'version_differs'
        end as rule,
        {{ headwater.key_as_json(definition.key_names) }} as key,
        to_jsonb(valid_from) as place,
        _expected as expected,
        _found as found
    from different_version

    union all

    select 'count_differs', null, to_jsonb(delivery_sqn), json_build_object(name, expected), json_build_object(name, found)
    from different_count

),

numbered as (

    select
        *,
        count(*) over (partition by rule) as rule_count,
        row_number() over (partition by rule order by key, place) as rank
    from difference

)

select rule, rule_count, key, place, expected, found
from numbered
where rank <= {{ sample_size }}
order by rule, rank
{%- endmacro %}
