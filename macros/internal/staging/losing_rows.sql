{% macro losing_rows(definition, rows_sql, last_wins_in) -%}
{#- rows of a key that comes again later in its delivery, where the last one wins -#}
select
    _raw_row,
    {{ headwater.quoted_list(definition.key_names) }},
    {{ headwater.sql_literal('duplicate_key:' ~ definition.key_names[0]) }} as _reject_reason
from (
    select
        modelled.*,
        lead(modelled.line_number) over (
            partition by modelled.delivery_sqn, {{ headwater.quoted_list(definition.key_names, prefix='modelled.') }}
            order by modelled.line_number, to_jsonb(raw.*)
        ) is not null as _is_loser
    from (
        {{ rows_sql }}
    ) as modelled
    inner join {{ headwater.raw_relation(definition) }} as raw on raw.ctid = modelled._raw_row
    where modelled.{{ headwater.is_any_of(last_wins_in) }}
) as ordered
where _is_loser
{%- endmacro %}
