{% test versions_do_not_overlap(model, key) %}
{%- set keys = quoted_list(key) %}
with

ordered as (

    select
        {{ keys }},
        valid_from,
        valid_to,
        lead(valid_from) over (partition by {{ keys }} order by valid_from) as next_from
    from {{ model }}

)

select *
from ordered
where valid_to <= valid_from
    or coalesce(valid_to, 'infinity') > next_from
{% endtest %}
