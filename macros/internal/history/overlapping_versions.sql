{% macro overlapping_versions(relation, key_names, touched=none) -%}
{%- set keys = headwater.quoted_list(key_names) -%}
select *
from (
    select
        {{ keys }},
        valid_from,
        valid_to,
        lead(valid_from) over (partition by {{ keys }} order by valid_from) as _next_from
    from {{ relation }}
    {{- ' inner join (' ~ touched ~ ') as touched using (' ~ keys ~ ')' if touched }}
) as ordered
where valid_to <= valid_from
    or coalesce(valid_to, 'infinity') > _next_from
{%- endmacro %}
